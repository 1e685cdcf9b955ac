import { expect, it } from "vitest";
import { build, toYaml } from "./build.ts";
import { memoryFileSystem } from "./memory-file-system.ts";

const service = (ports: string) => `apiVersion: v1
kind: Service
metadata: {name: s}
spec: {ports: [${ports}]}
`;

const patched = (ports: string) => {
  const files = memoryFileSystem({
    "kustomization.yaml": "resources: [r.yaml]\npatches: [{path: p.yaml}]\n",
    "r.yaml": service("{port: 80, protocol: TCP, name: web}"),
    "p.yaml": service(ports),
  });
  const { resources, warnings } = build(files, "/");
  return { yaml: toYaml(resources), warnings };
};

it("tells of a port that is dropped for its missing protocol; the output is kustomize's", () => {
  expect(patched("{port: 80, targetPort: 9999}, {port: 81}")).toEqual({
    yaml: `apiVersion: v1
kind: Service
metadata:
  name: s
spec:
  ports:
  - port: 81
  - name: web
    port: 80
    protocol: TCP
`,
    warnings: [
      "Warning: an element of 'spec.ports' in a patch is dropped, as in kustomize: its keys (port 80, protocol unset) are not " +
        "those of the present element (port 80, protocol TCP). Give the same keys in both. Object: Service.v1.[noGrp]/s.[noNs]",
    ],
  });
});

it("is silent where nothing is dropped", () => {
  expect(patched("{port: 80, protocol: TCP, targetPort: 9999}")).toMatchObject({
    yaml: expect.stringContaining("targetPort: 9999"),
    warnings: [],
  });
});
