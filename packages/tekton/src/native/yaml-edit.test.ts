import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { assignInJson, assignInYaml } from "./yaml-edit.ts";
import { parseYqScript } from "./yq-script.ts";

const environment = { IMAGE_NAME: "127.0.0.1:5000/edge/mnist", IMAGE_DIGEST: `sha256:${"a".repeat(64)}` };

const upstream = String.raw`yq eval -i "(.images[] | select(.name == \"edge-model-template-image\").newName) = \"${"${IMAGE_NAME}"}\"" \
  app/kustomization.yaml
yq eval -i "(.images[] | select(.name == \"edge-model-template-image\").digest) = \"${"${IMAGE_DIGEST}"}\"" \
  app/kustomization.yaml
`;

function run(script: string, source: string): string {
  return parseYqScript(script, environment).reduce(
    (text, assignment) => assignInYaml(text, assignment),
    source,
  );
}

const kustomization = `# The app.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix:   "mnist-"   # odd spacing stays
images:
- name: other
  newName: quay.io/x/other
- name: edge-model-template-image # the model
  newName: quay.io/rhoai-edge/mnist # where from
  digest: sha256:1
patches: []
`;

test("upstream's script changes the two values and no other byte", () => {
  expect(run(upstream, kustomization)).toBe(
    kustomization
      .replace("quay.io/rhoai-edge/mnist", environment.IMAGE_NAME)
      .replace("digest: sha256:1", `digest: ${environment.IMAGE_DIGEST}`),
  );
});

test.each([
  `yq e -i '(.images[] | select(.name == "edge-model-template-image") | .newName) = strenv(IMAGE_NAME)' f`,
  `yq -i '(.images[] | select(.name == "edge-model-template-image") | .newName) = env(IMAGE_NAME)' f`,
  `# comment\nyq eval --inplace "(.images[]|select(.name==\\"edge-model-template-image\\")|.newName) = \\"$IMAGE_NAME\\"" f`,
])("%s means the same", (script) => {
  expect(run(script, kustomization)).toBe(
    kustomization.replace("quay.io/rhoai-edge/mnist", environment.IMAGE_NAME),
  );
});

test.each([
  [
    "images:\n  - name: edge-model-template-image\n",
    `images:\n  - name: edge-model-template-image\n    newName: ${environment.IMAGE_NAME}\n    digest: ${environment.IMAGE_DIGEST}\n`,
  ],
  [
    "images:\n- name: edge-model-template-image\n  newName:\n  digest: ''\n",
    `images:\n- name: edge-model-template-image\n  newName: ${environment.IMAGE_NAME}\n  digest: '${environment.IMAGE_DIGEST}'\n`,
  ],
  [
    "images: [{name: edge-model-template-image, newName: a, digest: b}]\n",
    `images: [{name: edge-model-template-image, newName: ${environment.IMAGE_NAME}, digest: ${environment.IMAGE_DIGEST}}]\n`,
  ],
])("%j becomes %j", (source, expected) => {
  expect(run(upstream, source)).toBe(expected);
});

test("the same values again change nothing", () => {
  const once = run(upstream, kustomization);
  expect(run(upstream, once)).toBe(once);
});

test("JSON is written with the indent that was asked for", () => {
  const [assignment] = parseYqScript(
    String.raw`yq eval -i -o=json -I=4 "(.spec.containers[] | select(.name == \"model\").image) = \"${"${IMAGE_NAME}@${IMAGE_DIGEST}"}\"" d.json`,
    environment,
  );
  expect(
    assignInJson(
      '{"spec":{"containers":[{"name":"model","image":"old"},{"name":"b","image":"c"}]}}',
      assignment!,
    ),
  ).toBe(
    `${JSON.stringify(
      {
        spec: {
          containers: [
            { name: "model", image: `${environment.IMAGE_NAME}@${environment.IMAGE_DIGEST}` },
            { name: "b", image: "c" },
          ],
        },
      },
      undefined,
      4,
    )}\n`,
  );
});

test.each([
  ["rm -rf /", /yq commands only, not "rm"/],
  ["yq -i '.a = \"b\"' f; rm x", /not run by a shell: ";/],
  ["yq -i '.a = \"b\"' f && rm x", /not run by a shell/],
  ["yq -i '.a = \"b\"' $(id)", /./],
  ["yq '.a = \"b\"' f", /wants -i/],
  ["yq -i 'del(.a)' f", /not an assignment of a text/],
  ["yq -i '.a = \"$HOME\"' f", /^$/],
  ['yq -i ".a = \\"$HOME\\"" f', /uses \$HOME/],
  ["yq -i --from-file x '.a = \"b\"' f", /--from-file is not supported/],
])("%s is refused", (script, message) => {
  // Single quotes keep $HOME as text, as in a shell.
  if (message.source === "^$") expect(parseYqScript(script, environment)).toMatchObject([{ value: "$HOME" }]);
  else expect(() => parseYqScript(script, environment)).toThrow(message);
});

test.each([
  ["a: [", /is not YAML/],
  ["a: 1", /nothing there is \.images\[\] \| select\(\.name == "edge-model-template-image"\)\.newName/],
  [`a: &a [x,x]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(50)}]`, /./],
])("a file %j is refused", (source, message) => {
  expect(() => run(upstream, source)).toThrow(message);
});

test("any text survives the way into YAML and back", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom("a: x\n", "a: 'x'\n", 'a: "x"\n', "b: 1\n", "a:\nb: 2\n"),
      (value, source) => {
        const path = [{ kind: "field", name: "a" }] as const;
        expect(parse(assignInYaml(source, { path: [...path], value, file: "f" })).a).toBe(value);
      },
    ),
  );
});
