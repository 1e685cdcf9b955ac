/** Where the core keeps the `pipeline` ServiceAccount and its Secrets, and where candidates are tested. */
export const RUN_NAMESPACE = "model-pipelines";
/** Secrets that the core puts there at first start. */
export const GIT_CREDENTIALS_SECRET = "git-credentials";
export const FORGE_TOKEN_SECRET = "forge-token";
