export { runImageCommand, type ImageCommandIo } from "./command/image-command.ts";
export { BUILDER, buildImage, LABEL_BUILDER, type BuildOptions, type BuildResult } from "./build/build.ts";
export { ContainerfileError, parseContainerfile, type Instruction } from "./containerfile/parse.ts";
export { resolveInRoot, unpackLayer, DEFAULT_UNPACK_LIMITS, type UnpackLimits } from "./layer/unpack.ts";
export {
  BlobStore,
  BlobWriter,
  gather,
  isMissing,
  syncDirectory,
  writeFully,
  type ExpectedContent,
  type StoredBlob,
} from "./blob-store.ts";
export {
  algorithmOf,
  DigestError,
  DigestHasher,
  digestOf,
  isDigest,
  parseDigest,
  splitDigest,
  verifyStream,
  type Digest,
  type DigestAlgorithm,
} from "./digest.ts";
export { hostPlatform, parseImageConfig, type ContainerConfig, type ImageConfig } from "./image/config.ts";
export { copyImage, type CopyResult } from "./image/copy.ts";
export { ANNOTATION_REF_NAME, ImageLayout, replaceFile, single } from "./image/layout.ts";
export {
  ManifestError,
  MAX_MANIFEST_SIZE,
  parseManifest,
  type Descriptor,
  type FetchedManifest,
  type ImageIndex,
  type ImageManifest,
  type Platform,
} from "./image/manifest.ts";
export * from "./image/media-type.ts";
export {
  decompressLayer,
  readSmallBlob,
  resolveImage,
  type ImageRepository,
  type ResolvedImage,
} from "./image/repository.ts";
export {
  formatReference,
  isRepositoryName,
  isTag,
  manifestReference,
  parseReference,
  ReferenceError,
  type Reference,
} from "./reference.ts";
export { createRegistryClient, type RegistryClient, type RegistryRepository } from "./registry/client.ts";
export {
  credentialsFor,
  loadDockerConfig,
  parseDockerConfig,
  type CredentialsByHost,
  type RegistryCredentials,
} from "./registry/credentials.ts";
export type { RegistryClientOptions } from "./registry/session.ts";
export { RegistryError, type RegistryErrorCode } from "./registry/error.ts";
