export {
  startRegistry,
  type RegistryAction,
  type RegistryOptions,
  type RegistryServer,
  type RegistryUser,
} from "./server.ts";
