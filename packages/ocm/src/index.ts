export { addHubControllers, EMBEDDED_LEASE_SECONDS, type HubControllerOptions } from "./hub/controllers.ts";
export { addSiteCredentialsController, type SiteCredentialsOptions } from "./hub/site-credentials.ts";
export {
  createJoinToken,
  DEFAULT_TOKEN_TTL_SECONDS,
  type JoinToken,
  JoinTokenError,
  type JoinTokenOptions,
  parseJoinToken,
} from "./join-token.ts";
export { JoinRefusedError } from "./klusterlet/certificate.ts";
export type { ConnectionState, ConnectionStatus } from "./klusterlet/connection.ts";
export { type Klusterlet, type KlusterletOptions, startKlusterlet } from "./klusterlet/klusterlet.ts";
