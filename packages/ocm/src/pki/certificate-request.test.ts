import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCertificateRequest, parseCertificateRequest } from "./certificate-request.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const subject = {
  commonName: "system:open-cluster-management:edge-1:klusterlet",
  organizations: ["system:open-cluster-management:edge-1", "system:open-cluster-management:managed-clusters"],
};

describe("certificate request", () => {
  it("comes back as it was made", () => {
    expect(parseCertificateRequest(createCertificateRequest(subject, privateKey))).toMatchObject(subject);
  });

  it("is refused when its subject was changed after signing", () => {
    const pem = createCertificateRequest(subject, privateKey);
    const body = pem.replaceAll(/-----[^\n]*-----|\n/g, "");
    const forged = Buffer.from(
      Buffer.from(body, "base64").toString("latin1").replaceAll("edge-1", "edge-2"),
      "latin1",
    );
    const text = `-----BEGIN CERTIFICATE REQUEST-----\n${forged.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
    expect(() => parseCertificateRequest(text)).toThrow("its signature does not match its key");
  });

  it.each([
    ["", "not a PEM certificate request"],
    [
      "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----",
      "it lacks its signature",
    ],
    [`-----BEGIN CERTIFICATE REQUEST-----\n${"A".repeat(20_000)}\n-----END`, "not a PEM certificate request"],
  ])("%j is refused: %s", (pem, message) => {
    expect(() => parseCertificateRequest(pem)).toThrow(message);
  });

  it("any bytes are refused with a TypeError, never another failure", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const body = Buffer.from(bytes).toString("base64") || "AA==";
        const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----`;
        expect(() => parseCertificateRequest(pem)).toThrow(TypeError);
      }),
    );
  });
});
