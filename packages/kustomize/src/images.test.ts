import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("images", () => {
  it("name, tag, digest, suffix, expressions, custom resources", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
images:
- {name: nginx, newTag: "1.2"}
- {name: foo, newName: bar/foo}
- {name: "reg:5000/x", digest: "sha256:abc"}
- {name: both, newTag: v1, digest: "sha256:def"}
- {name: suf, tagSuffix: -x}
- {name: "re.*", newName: regexed}
- {name: init, newName: inited, newTag: latest}
- {name: noop}
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {containers: [{name: a, image: nginx}, {name: b, image: "foo:1@sha256:aaa"}, {name: c, image: "reg:5000/x:3"}, {name: d, image: "both:1"}, {name: e, image: "suf:1"}, {name: f, image: "suf@sha256:aa"}, {name: g, image: "reXX:9"}, {name: h, image: suf}, {name: i, image: "nginx2"}, {name: j, image: "docker.io/nginx"}, {name: k, image: "noop:1"}], initContainers: [{name: z, image: init}], volumes: [{name: q, image: {reference: nginx}}]}}}
---
apiVersion: x/v1
kind: CR
metadata: {name: d}
spec: {deep: {er: {containers: [{image: nginx}, {noimage: x}], ephemeralContainers: [{image: nginx}], initContainers: [{image: nginx}]}}, image: nginx, containers: {image: nginx}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crds.x}
spec: {containers: [{image: nginx}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: j}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: nginx}], volumes: [{image: {reference: nginx}}]}}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{image: nginx:x}], volumes: [{image: {reference: nginx}}]}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crds.x
spec:
  containers:
  - image: nginx
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template:
    spec:
      containers:
      - image: nginx:1.2
        name: a
      - image: bar/foo:1@sha256:aaa
        name: b
      - image: regexed@sha256:abc
        name: c
      - image: both:v1@sha256:def
        name: d
      - image: suf:1-x-x
        name: e
      - image: suf:-x-x
        name: f
      - image: regexed:9
        name: g
      - image: suf:-x-x
        name: h
      - image: nginx2
        name: i
      - image: docker.io/nginx
        name: j
      - image: noop:1
        name: k
      initContainers:
      - image: inited:latest
        name: z
      volumes:
      - image:
          reference: nginx:1.2
        name: q
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: j
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - image: nginx:1.2
          volumes:
          - image:
              reference: nginx
---
apiVersion: x/v1
kind: CR
metadata:
  name: d
spec:
  containers:
    image: nginx:1.2
  deep:
    er:
      containers:
      - image: nginx:1.2
      - noimage: x
      ephemeralContainers:
      - image: nginx
      initContainers:
      - image: nginx:1.2
  image: nginx
---
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  containers:
  - image: nginx:1.2
  volumes:
  - image:
      reference: nginx:1.2
`);
  });
});
