import type { ForgeOptions } from "@ai-edge/forge";
import type { RegistryOptions } from "@ai-edge/registry";

import type { IdentityProvider } from "./identity.ts";

/** Authentication and authorization of the forge by the core's API server. */
export function forgeAccess(identities: IdentityProvider): Pick<ForgeOptions, "authenticate" | "authorize"> {
  return {
    authenticate: async (credentials) => {
      const token = credentials.scheme === "basic" ? credentials.password : credentials.token;
      const identity = await identities.authenticate(token);
      if (identity === null) return undefined;
      return { login: identity.name, ...identity };
    },
    authorize: async (user, verb, repository) => {
      const identity = identities.known(user.login);
      if (identity === undefined) return false;
      return identities.authorize(
        identity,
        verb === "read" ? "get" : "update",
        "repositories",
        `${repository.owner}/${repository.name}`,
      );
    },
  };
}

/** The same for the registry. */
export function registryAccess(
  identities: IdentityProvider,
): Pick<RegistryOptions, "authenticate" | "authorize"> {
  return {
    authenticate: async (authorization) => {
      const token = tokenOf(authorization);
      const identity = token === undefined ? null : await identities.authenticate(token);
      return identity === null ? undefined : { name: identity.name, groups: identity.user.groups ?? [] };
    },
    authorize: async (user, action, repository) => {
      const identity = identities.known(user.name);
      if (identity === undefined) return false;
      // The registry itself: every identity may knock.
      if (repository === "") return true;
      return identities.authorize(identity, action === "pull" ? "get" : "update", "images", repository);
    },
  };
}

/** The password of Basic, or the token of Bearer. */
function tokenOf(authorization: string | undefined): string | undefined {
  const [scheme = "", value = ""] = (authorization ?? "").split(" ");
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 0 ? undefined : decoded.slice(colon + 1);
}
