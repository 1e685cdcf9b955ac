import { buildah } from "./buildah.ts";
import type { ImageBuilder } from "./buildah.ts";
import { deployModelCandidate, exposeModelCandidate, stopModelCandidate } from "./candidate.ts";
import { gitClone } from "./git-clone.ts";
import { gitCli, gitCommitAndPush } from "./git-push.ts";
import { testModelRestService } from "./golden-request.ts";
import { retrieveBuildImageInfo, skopeoCopy } from "./image-info.ts";
import { checkModelAndContainerfile, moveModelToRootDir } from "./model-files.ts";
import type { NativeTask } from "./native-task.ts";
import { sanitiseObjectNameTask } from "./object-name.ts";
import { openshiftClient } from "./openshift-client.ts";
import { githubOpenPullRequest } from "./open-pull-request.ts";
import type { DefaultCredentials } from "./registry-access.ts";
import { yqUpdate } from "./yq-update.ts";

export interface NativeTasksOptions {
  /** For git: PATH, HOME and proxy settings of the process. */
  environment: Readonly<Record<string, string | undefined>>;
  buildImage: ImageBuilder;
  registryCredentials?: DefaultCredentials | undefined;
}

/** The well-known Tasks that run natively, each under upstream's name. */
export function nativeTasks(options: NativeTasksOptions): NativeTask[] {
  const { environment, buildImage, registryCredentials } = options;
  return [
    gitClone(environment),
    moveModelToRootDir,
    checkModelAndContainerfile,
    sanitiseObjectNameTask,
    buildah(buildImage, registryCredentials),
    deployModelCandidate,
    exposeModelCandidate,
    testModelRestService,
    stopModelCandidate,
    openshiftClient,
    retrieveBuildImageInfo(registryCredentials),
    skopeoCopy(registryCredentials),
    yqUpdate,
    gitCommitAndPush(environment),
    gitCli(environment),
    githubOpenPullRequest,
  ];
}
