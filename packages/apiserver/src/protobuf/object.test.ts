import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeProtobufObject } from "./object.ts";

/** The wire format by hand: a length-delimited field. */
const field = (number: number, bytes: Uint8Array | string): Buffer => {
  const data = Buffer.from(bytes);
  return Buffer.concat([varint(number * 8 + 2), varint(data.length), data]);
};
const integer = (number: number, value: number): Buffer => Buffer.concat([varint(number * 8), varint(value)]);
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
const body = (apiVersion: string, kind: string, ...fields: Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from("k8s\0"),
    field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])),
    field(2, Buffer.concat(fields)),
    field(3, ""),
    field(4, ""),
  ]);
const metadata = (name: string): Buffer =>
  field(1, Buffer.concat([field(1, name), field(2, ""), field(3, ""), integer(7, 0), field(8, "")]));

describe("a protobuf body", () => {
  it.each<[string, Buffer, unknown]>([
    [
      "with bytes and maps",
      body(
        "v1",
        "Secret",
        metadata("s"),
        field(2, Buffer.concat([field(1, "k"), field(2, "v")])),
        field(3, "Opaque"),
      ),
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s" },
        data: { k: "dg==" },
        type: "Opaque",
      },
    ],
    [
      "with messages in lists, inlined messages, quantities and int-or-strings",
      body(
        "v1",
        "Pod",
        metadata("p"),
        field(
          2,
          Buffer.concat([
            field(1, Buffer.concat([field(1, "vol"), field(2, field(2, field(1, "Memory")))])),
            field(
              2,
              Buffer.concat([
                field(1, "c"),
                field(8, field(1, Buffer.concat([field(1, "cpu"), field(2, field(1, "500m"))]))),
                field(
                  10,
                  field(
                    1,
                    field(
                      2,
                      Buffer.concat([
                        field(1, "/"),
                        field(2, Buffer.concat([integer(1, 1), integer(2, 0), field(3, "http")])),
                      ]),
                    ),
                  ),
                ),
              ]),
            ),
          ]),
        ),
      ),
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "p" },
        spec: {
          volumes: [{ name: "vol", emptyDir: { medium: "Memory" } }],
          containers: [
            {
              name: "c",
              resources: { limits: { cpu: "500m" } },
              livenessProbe: { httpGet: { path: "/", port: "http" } },
            },
          ],
        },
      },
    ],
    [
      "with DeleteOptions of any group",
      body("policy/v1", "DeleteOptions", integer(1, 5), field(4, "Foreground")),
      {
        apiVersion: "policy/v1",
        kind: "DeleteOptions",
        gracePeriodSeconds: 5,
        propagationPolicy: "Foreground",
      },
    ],
    [
      "with fields of the future",
      body("v1", "ConfigMap", metadata("c"), integer(4000, 1), field(4001, "?")),
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c" },
      },
    ],
  ])("%s becomes JSON", (_what, bytes, expected) => {
    expect(decodeProtobufObject(bytes)).toEqual(expected);
  });

  it.each<[string, Buffer, unknown]>([
    ["that was not set is left out", integer(11, 0), {}],
    ["that is set stays", integer(11, 1), { hostNetwork: true }],
    ["behind a pointer is meant, even if it is zero", integer(5, 0), { activeDeadlineSeconds: 0 }],
    ["that is an empty text is left out", field(10, ""), {}],
  ])("with an optional field %s", (_what, spec, expected) => {
    const decoded = decodeProtobufObject(body("v1", "Pod", metadata("p"), field(2, spec)));
    expect(decoded["spec"]).toEqual(expected);
  });

  it("without a kind is of the kind that is expected, with none of its own", () => {
    const expected = { apiVersion: "v1", kind: "Secret" };
    expect(decodeProtobufObject(body("", "", metadata("s")), expected)).toEqual({ metadata: { name: "s" } });
    expect(() => decodeProtobufObject(body("", "", metadata("s")))).toThrow("not supported");
  });

  it.each<[string, string]>([
    ["apps/v1beta2", "Deployment"],
    ["flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema"],
    ["resource.k8s.io/v1", "ResourceClaim"],
  ])("of a version that the server does not serve is understood: %s %s", (apiVersion, kind) => {
    expect(decodeProtobufObject(body(apiVersion, kind, metadata("x")))).toMatchObject({
      apiVersion,
      kind,
      metadata: { name: "x" },
    });
  });

  it("of a kind that we do not know is told so", () => {
    expect(() => decodeProtobufObject(body("example.org/v1", "Thing"))).toThrow(
      "protobuf bodies of Thing in example.org/v1 are not supported",
    );
  });

  it("of any bytes gives an object or a Status, never anything else (property)", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("Pod", "Secret", "Service"),
        (bytes, kind) => {
          try {
            expect(decodeProtobufObject(body("v1", kind, Buffer.from(bytes)))).toBeTypeOf("object");
          } catch (error) {
            expect(error).toMatchObject({ name: "StatusError", reason: "BadRequest" });
          }
        },
      ),
    );
  });
});
