import {
  CertificateSigningRequest,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  Secret,
  ServiceAccount,
} from "@ai-edge/api";
import { type StatusError } from "@ai-edge/apimachinery";
import { type Client, clientFromKubeconfig } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { Pkcs10CertificateRequestGenerator, PemConverter } from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let api: TestApiServer;
let client: Client;
let time = new Date("2026-01-01T00:00:00Z");
beforeAll(async () => {
  api = await startTestApiServer({ now: () => time });
  ({ client } = api);
});
afterAll(() => api.close());

function as(credentials: Record<string, unknown>): Client {
  return clientFromKubeconfig(
    {
      ...api.kubeconfig,
      users: api.kubeconfig.users.map((entry) => ({ ...entry, user: credentials })),
    } as never,
    {},
  );
}

async function whoAmI(one: Client): Promise<unknown> {
  try {
    const response = await one.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
      body: "{}",
    });
    const { status } = JSON.parse(await response.text()) as {
      status: { userInfo: { username: string; groups: string[] } };
    };
    return [status.userInfo.username, ...status.userInfo.groups];
  } catch (error) {
    return (error as StatusError).reason;
  } finally {
    one.close();
  }
}

async function reviewToken(
  token: string,
  audiences?: string[],
): Promise<{ authenticated?: boolean; user?: { username?: string } }> {
  const body = JSON.stringify({ spec: { token, audiences } });
  const response = await client.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body });
  return (JSON.parse(await response.text()) as { status: { authenticated?: boolean } }).status;
}

describe("who asks", () => {
  it("is told by the client certificate", async () => {
    expect(await whoAmI(as(api.kubeconfig.users[0]?.user as never))).toEqual([
      "kubernetes-admin",
      "system:masters",
      "system:authenticated",
    ]);
  });

  it("is nobody without credentials, and nobody may little", async () => {
    expect(await whoAmI(as({}))).toBe("Forbidden");
    const anonymous = as({});
    expect(await (await anonymous.request("GET", "/version")).text()).toContain("gitVersion");
    await expect(anonymous.list(Secret)).rejects.toThrow(
      'secrets is forbidden: User "system:anonymous" cannot list resource "secrets" in API group "" at the cluster scope',
    );
    anonymous.close();
  });

  it("is refused with a token that does not hold", async () => {
    expect(await whoAmI(as({ token: "nonsense" }))).toBe("Unauthorized");
    expect(await whoAmI(as({ token: "a.b.c" }))).toBe("Unauthorized");
  });

  it("is told by a bootstrap token until it expires", async () => {
    await client.create(Secret, {
      metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system" },
      type: "bootstrap.kubernetes.io/token",
      stringData: {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:edges,system:masters",
        expiration: "2026-01-01T01:00:00Z",
      },
    });
    const token = "abcdef.0123456789abcdef";
    expect(await whoAmI(as({ token }))).toEqual([
      "system:bootstrap:abcdef",
      "system:bootstrappers",
      "system:bootstrappers:edges",
      "system:authenticated",
    ]);
    expect(await whoAmI(as({ token: "abcdef.0123456789abcdee" }))).toBe("Unauthorized");
    time = new Date("2026-01-01T01:00:00Z");
    expect(await whoAmI(as({ token }))).toBe("Unauthorized");
  });
});

describe("ServiceAccount tokens", () => {
  it("are put into Secrets and hold until the Secret or the account goes", async () => {
    await client.create(ServiceAccount, { metadata: { name: "robot", namespace: "default" } });
    const secret = {
      metadata: {
        name: "robot-token",
        namespace: "default",
        annotations: { "kubernetes.io/service-account.name": "robot" },
      },
      type: "kubernetes.io/service-account-token",
    };
    await client.create(Secret, secret);
    const key = { namespace: "default", name: "robot-token" };
    const data = await expect
      .poll(async () => (await client.get(Secret, key)).data)
      .toMatchObject({ token: expect.any(String), "ca.crt": expect.any(String), namespace: "ZGVmYXVsdA==" })
      .then(async () => (await client.get(Secret, key)).data);
    const token = Buffer.from(data?.["token"] ?? "", "base64").toString();
    expect(await whoAmI(as({ token }))).toEqual([
      "system:serviceaccount:default:robot",
      "system:serviceaccounts",
      "system:serviceaccounts:default",
      "system:authenticated",
    ]);
    expect(await reviewToken(token)).toMatchObject({
      authenticated: true,
      user: { username: "system:serviceaccount:default:robot" },
    });
    expect(await reviewToken(token, ["elsewhere"])).toMatchObject({ error: expect.any(String) });
    await client.delete(ServiceAccount, { namespace: "default", name: "robot" });
    expect(await whoAmI(as({ token }))).toBe("Unauthorized");
    await expect
      .poll(() => client.get(Secret, key).catch((error: StatusError) => error.reason))
      .toBe("NotFound");
  });

  it("are issued for a time and an audience", async () => {
    await client.create(ServiceAccount, { metadata: { name: "short", namespace: "default" } });
    const request = async (spec: object): Promise<string> => {
      const path = "/api/v1/namespaces/default/serviceaccounts/short/token";
      const response = await client.request("POST", path, { body: JSON.stringify({ spec }) });
      return (JSON.parse(await response.text()) as { status: { token: string } }).status.token;
    };
    const token = await request({ expirationSeconds: 600 });
    expect((await reviewToken(token)).authenticated).toBe(true);
    const elsewhere = await request({ audiences: ["registry"] });
    expect([
      (await reviewToken(elsewhere)).authenticated,
      (await reviewToken(elsewhere, ["registry"])).authenticated,
    ]).toEqual([undefined, true]);
    time = new Date(time.getTime() + 600_000);
    expect((await reviewToken(token)).authenticated).toBeUndefined();
    await expect(request({ expirationSeconds: 10 })).rejects.toThrow(
      "may not specify a duration less than 10 minutes",
    );
  });
});

describe("certificates", () => {
  async function requestFor(name: string): Promise<{ csr: string; key: string }> {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const request = await Pkcs10CertificateRequestGenerator.create({
      name,
      keys,
      signingAlgorithm: algorithm,
    });
    return {
      csr: request.toString("pem"),
      key: PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY"),
    };
  }
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const object = (name: string, csr: string) => ({
    metadata: { name },
    spec: {
      request: base64(csr),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
      expirationSeconds: 3600,
      username: "forged",
    },
  });

  it("are signed after approval, for who asked", async () => {
    // TLS goes by the machine's clock.
    time = new Date();
    const { csr, key } = await requestFor("CN=agent,O=agents");
    const made = await client.create(CertificateSigningRequest, object("one", csr));
    expect(made.spec.username).toBe("kubernetes-admin");
    await client.update(
      CertificateSigningRequest,
      {
        ...made,
        status: { conditions: [{ type: "Approved", status: "True", reason: "Test", message: "ok" }] },
      },
      { subresource: "approval" },
    );
    await expect
      .poll(async () => (await client.get(CertificateSigningRequest, { name: "one" })).status?.certificate)
      .toBeDefined();
    const { status } = await client.get(CertificateSigningRequest, { name: "one" });
    const credentials = { "client-certificate-data": status?.certificate, "client-key-data": base64(key) };
    expect(await whoAmI(as(credentials))).toEqual(["agent", "agents", "system:authenticated"]);
  });

  it("of another authority, or past their time, are refused", async () => {
    const other = await startTestApiServer();
    expect(await whoAmI(as(other.kubeconfig.users[0]?.user as never))).toBe("Unauthorized");
    await other.close();
  });

  it("of the masters' group are not given away", async () => {
    const { csr } = await requestFor("CN=evil,O=system:masters");
    await expect(client.create(CertificateSigningRequest, object("evil", csr))).rejects.toThrow(
      "signer with system:masters group is not allowed",
    );
  });

  it("that are none are refused", async () => {
    await expect(client.create(CertificateSigningRequest, object("bad", "hello"))).rejects.toThrow(
      "PEM block type must be CERTIFICATE REQUEST",
    );
  });
});

describe("RBAC", () => {
  it("allows what is granted, where it is granted, and no more is given away than one has", async () => {
    await client.create(ServiceAccount, { metadata: { name: "limited", namespace: "default" } });
    await client.create(Role, {
      metadata: { name: "limited", namespace: "default" },
      rules: [
        { apiGroups: [""], resources: ["secrets"], resourceNames: ["mine"], verbs: ["get"] },
        { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"], verbs: ["create"] },
      ],
    });
    await client.create(RoleBinding, {
      metadata: { name: "limited", namespace: "default" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "limited" },
      subjects: [{ kind: "ServiceAccount", name: "limited", namespace: "default" }],
    });
    const response = await client.request(
      "POST",
      "/api/v1/namespaces/default/serviceaccounts/limited/token",
      { body: "{}" },
    );
    const { status } = JSON.parse(await response.text()) as { status: { token: string } };
    const limited = as({ token: status.token });
    const reason = (work: Promise<unknown>) =>
      work.then(
        () => "ok",
        (error: StatusError) => error.reason,
      );
    await client.create(Secret, { metadata: { name: "mine", namespace: "default" } });
    expect(await reason(limited.get(Secret, { namespace: "default", name: "mine" }))).toBe("ok");
    expect(await reason(limited.get(Secret, { namespace: "default", name: "other" }))).toBe("Forbidden");
    expect(await reason(limited.list(Secret, { namespace: "default" }))).toBe("Forbidden");
    expect(await reason(limited.get(Secret, { namespace: "kube-system", name: "mine" }))).toBe("Forbidden");
    const role = (rules: Role["rules"]) =>
      limited.create(Role, { metadata: { name: "more", namespace: "default" }, rules: rules ?? [] });
    await expect(role([{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }])).rejects.toThrow(
      "is attempting to grant RBAC permissions not currently held",
    );
    expect(
      await reason(
        role([{ apiGroups: [""], resources: ["secrets"], resourceNames: ["mine"], verbs: ["get"] }]),
      ),
    ).toBe("ok");
    const binding = {
      metadata: { name: "evil", namespace: "default" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole" as const, name: "cluster-admin" },
      subjects: [],
    };
    expect(await reason(limited.create(RoleBinding, binding))).toBe("Forbidden");
    limited.close();
  });

  it("aggregates", async () => {
    await client.create(ClusterRoleBinding, {
      metadata: { name: "viewers" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "User", name: "viewer" }],
    });
    const review = async (verb: string, resource: string): Promise<boolean> => {
      const body = JSON.stringify({
        spec: { user: "viewer", resourceAttributes: { verb, resource, namespace: "default" } },
      });
      const response = await client.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        body,
      });
      return (JSON.parse(await response.text()) as { status: { allowed: boolean } }).status.allowed;
    };
    expect([
      await review("get", "pods"),
      await review("get", "secrets"),
      await review("delete", "pods"),
    ]).toEqual([true, false, false]);
  });
});
