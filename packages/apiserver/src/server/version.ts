/** The Kubernetes minor whose behaviour we follow; clients compare it, so it must be numeric. */
export const VERSION_INFO = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0+ai-edge",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
};
