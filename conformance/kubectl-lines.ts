/** One line given to kubectl, and what a user of Kubernetes expects of it. */
export interface Line {
  /** Which API server it is for. */
  at: "core" | "edge";
  /** Arguments; `$NS` is a namespace of the run's own, `$IMAGE` an image that the site can run, `$DIR` a scratch directory. */
  line: string;
  /** Column headings, exactly. Upstream's: `kubectl/pkg/describe`, `pkg/printers/internalversion`, each CRD's printer columns. */
  columns?: string;
  stdout?: RegExp;
  stderr?: RegExp;
  /** Default 0. */
  exit?: number;
  stdin?: string;
}

const TEKTON_RUN = "NAME  SUCCEEDED  REASON  STARTTIME  COMPLETIONTIME";
const AGE_ONLY = "NAMESPACE  NAME  AGE";

const CORE: Omit<Line, "at">[] = [
  {
    line: "get managedclusters",
    columns: "NAME  HUB ACCEPTED  MANAGED CLUSTER URLS  JOINED  AVAILABLE  AGE",
    stdout: /true +https:\S+ +True +True/,
  },
  {
    line: "get managedclusters -A --show-labels",
    stdout: /cluster\.open-cluster-management\.io\/clusterset=poc-near-edge/,
  },
  {
    line: "get managedclusters,placementdecisions -A",
    stdout: /managedcluster\.cluster\S+ [^]*placementdecision\.cluster/,
  },
  { line: "get managedclustersets", columns: "NAME  EMPTY  AGE", stdout: /poc-near-edge +False/ },
  { line: "get managedclustersetbindings -A", columns: AGE_ONLY, stdout: /openshift-gitops +poc-near-edge/ },
  {
    line: "get placements -A",
    columns: "NAMESPACE  NAME  SUCCEEDED  REASON  SELECTEDCLUSTERS",
    stdout: /True +AllDecisionsScheduled +\d/,
  },
  { line: "get placementdecisions -A", columns: AGE_ONLY, stdout: /-decision-1/ },
  { line: "get manifestworks -A", columns: AGE_ONLY, stdout: /near-edge-1 +near-edge-1-/ },
  { line: "get gitopsclusters -A", columns: AGE_ONLY, stdout: /near-edge/ },
  {
    line: "get applications -n openshift-gitops",
    columns: "NAME  SYNC STATUS  HEALTH STATUS",
    stdout: /Synced +Healthy/,
  },
  {
    line: "get applications -n openshift-gitops -o wide",
    columns: "NAME  SYNC STATUS  HEALTH STATUS  REVISION  PROJECT",
    stdout: /Synced +Healthy +[0-9a-f]{40} +default/,
  },
  { line: "get applicationsets -n openshift-gitops", columns: "NAME  AGE" },
  {
    line: "get pipelineruns -n model-pipelines",
    columns: TEKTON_RUN,
    stdout: /True +Succeeded +\d+\S+ +\d+/,
  },
  { line: "get taskruns -n model-pipelines", columns: TEKTON_RUN, stdout: /True +Succeeded/ },
  { line: "get pipelineruns,taskruns -A", stdout: /pipelinerun\.tekton\.dev\/[^]*taskrun\.tekton\.dev\// },
  {
    line: "get pipelines,tasks -A",
    stdout: /pipeline\.tekton\.dev\/git-fetch [^]*task\.tekton\.dev\/buildah /,
  },
  { line: "get pr -n model-pipelines -o name", stdout: /^pipelinerun\.tekton\.dev\// },
  {
    line: "get csr",
    columns: "NAME  AGE  SIGNERNAME  REQUESTOR  REQUESTEDDURATION  CONDITION",
    stdout: /Approved,Issued/,
  },
  {
    line: "get leases -A",
    columns: "NAMESPACE  NAME  HOLDER  AGE",
    stdout: /near-edge-1 +managed-cluster-lease/,
  },
  {
    line: "describe managedcluster near-edge-1",
    stdout: /Hub Accepts Client: +true[^]*ManagedClusterJoined/,
  },
  { line: "describe pipelinerun -n model-pipelines", stdout: /Kind: +PipelineRun/ },
  {
    line: "wait managedcluster/near-edge-1 --for condition=ManagedClusterConditionAvailable --timeout 10s",
    stdout: /condition met/,
  },
  { line: "get managedcluster near-edge-1 -o jsonpath={.status.version.kubernetes}", stdout: /^v\d/ },
  { line: "explain placement.spec", stdout: /numberOfClusters/ },
  { line: "explain pipelinerun", stdout: /PipelineRun/ },
  {
    line: "api-resources --api-group tekton.dev",
    stdout: /pipelineruns +pr,prs +tekton\.dev\/v1 +true +PipelineRun/,
  },
  {
    line: "auth can-i create pipelineruns --as system:serviceaccount:model-pipelines:nobody",
    stdout: /^no/,
    exit: 1,
  },
];

const EDGE_TABLES: Omit<Line, "at">[] = [
  {
    line: "get applications -A",
    columns: "NAMESPACE  NAME  SYNC STATUS  HEALTH STATUS",
    stdout: /Synced +Healthy/,
  },
  {
    line: "get nodes",
    columns: "NAME  STATUS  ROLES  AGE  VERSION",
    stdout: /near-edge-1 +Ready +\S+ +\S+ +v1\./,
  },
  {
    line: "get nodes -o wide",
    columns:
      "NAME  STATUS  ROLES  AGE  VERSION  INTERNAL-IP  EXTERNAL-IP  OS-IMAGE  KERNEL-VERSION  CONTAINER-RUNTIME",
    stdout: /Ready(?!.*<unknown>)/,
  },
  {
    line: "get deploy -A",
    columns: "NAMESPACE  NAME  READY  UP-TO-DATE  AVAILABLE  AGE",
    stdout: /1\/1 +1 +1/,
  },
  {
    line: "get deploy -A -o wide",
    columns: "NAMESPACE  NAME  READY  UP-TO-DATE  AVAILABLE  AGE  CONTAINERS  IMAGES  SELECTOR",
  },
  { line: "get rs -A", columns: "NAMESPACE  NAME  DESIRED  CURRENT  READY  AGE" },
  {
    line: "get rs -A -o wide",
    columns: "NAMESPACE  NAME  DESIRED  CURRENT  READY  AGE  CONTAINERS  IMAGES  SELECTOR",
  },
  {
    line: "get pods -A",
    columns: "NAMESPACE  NAME  READY  STATUS  RESTARTS  AGE",
    stdout: /1\/1 +Running +0/,
  },
  {
    line: "get pods -A -o wide",
    columns: "NAMESPACE  NAME  READY  STATUS  RESTARTS  AGE  IP  NODE  NOMINATED NODE  READINESS GATES",
    stdout: /127\.\S+ +near-edge-1 +<none> +<none>/,
  },
  {
    line: "get svc -A",
    columns: "NAMESPACE  NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE",
    stdout: /ClusterIP +127\.\S+ +<none> +8080\/TCP/,
  },
  {
    line: "get svc -A -o wide",
    columns: "NAMESPACE  NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE  SELECTOR",
  },
  {
    line: "get endpointslices -A",
    columns: "NAMESPACE  NAME  ADDRESSTYPE  PORTS  ENDPOINTS  AGE",
    stdout: /IPv4 +8080\S* +127\./,
  },
  {
    line: "get routes -A",
    columns: "NAMESPACE  NAME  HOST/PORT  PATH  SERVICES  PORT  TERMINATION  WILDCARD",
    stdout: /127\.\S+ /,
  },
  { line: "get cm -n bike-rentals", columns: "NAME  DATA  AGE" },
  {
    line: "get secrets -A",
    columns: "NAMESPACE  NAME  TYPE  DATA  AGE",
    stdout: /kubernetes\.io\/dockerconfigjson +1/,
  },
  { line: "get sa -A", columns: "NAMESPACE  NAME  SECRETS  AGE", stdout: /bike-rentals +default +0/ },
  {
    line: "get events -n bike-rentals",
    columns: "LAST SEEN  TYPE  REASON  OBJECT  MESSAGE",
    stdout: /Normal +Pulled +pod\//,
  },
  {
    line: "get events -n bike-rentals -o wide",
    columns: "LAST SEEN  TYPE  REASON  OBJECT  SUBOBJECT  SOURCE  MESSAGE  FIRST SEEN  COUNT  NAME",
  },
  { line: "events -n bike-rentals", columns: "LAST SEEN  TYPE  REASON  OBJECT  MESSAGE" },
  { line: "get ns", columns: "NAME  STATUS  AGE", stdout: /bike-rentals +Active/ },
  { line: "get clusterroles", columns: "NAME  CREATED AT", stdout: /cluster-admin/ },
  { line: "get clusterrolebindings", columns: "NAME  ROLE  AGE", stdout: /ClusterRole\/cluster-admin/ },
  { line: "get crd", columns: "NAME  CREATED AT", stdout: /applications\.argoproj\.io/ },
  {
    line: "get all -n bike-rentals",
    stdout: /pod\/[^]*service\/[^]*deployment\.apps\/[^]*replicaset\.apps\//,
  },
  { line: "get pods -A --field-selector status.phase=Running -o name", stdout: /^pod\// },
  {
    line: "get pods -A -o custom-columns=N:.metadata.name,S:.status.phase",
    columns: "N  S",
    stdout: /Running/,
  },
  { line: "get pods -A --sort-by .metadata.name", stdout: /Running/ },
  { line: "describe node", stdout: /Kubelet Version: +v1\.[^]*Non-terminated Pods: +\(\d+ in total\)/ },
  {
    line: "describe deploy -n bike-rentals",
    stdout: /1 desired \| 1 updated \| 1 total \| 1 available[^]*NewReplicaSet:/,
  },
  { line: "describe pods -n bike-rentals", stdout: /Controlled By: +ReplicaSet\/[^]*Ready +True[^]*Events:/ },
  { line: "describe svc -n bike-rentals", stdout: /Endpoints: +127\./ },
  { line: "describe routes -n bike-rentals", stdout: /Type: +Admitted/ },
  { line: "describe rs,cm,sa,endpointslices -n bike-rentals", stdout: /ReplicaSet|Replicas:/ },
  { line: "describe ns bike-rentals", stdout: /Status: +Active/ },
  { line: "describe application -n openshift-gitops", stdout: /Kind: +Application/ },
  { line: "logs -n bike-rentals deploy/bike-rentals-model-1", stdout: /"msg":"model ready"/ },
  {
    line: "logs -n bike-rentals deploy/bike-rentals-model-1 --tail 1 --timestamps",
    stdout: /^\d{4}-\d\d-\d\dT\S+ \{.*\}\n$/,
  },
  {
    line: "logs -n bike-rentals -l model-name=bike-rentals --prefix --tail 1",
    stdout: /^\[pod\/\S+\/model\] /,
  },
  {
    line: "rollout status -n bike-rentals deploy/bike-rentals-model-1 --timeout 20s",
    stdout: /successfully rolled out/,
  },
  { line: "rollout history -n bike-rentals deploy/bike-rentals-model-1", stdout: /REVISION +CHANGE-CAUSE/ },
  { line: "explain pod.spec.containers.livenessProbe", stdout: /httpGet/ },
  { line: "explain deployment.spec.strategy.rollingUpdate", stdout: /maxSurge/ },
  { line: "explain application.spec.source", stdout: /repoURL/ },
  { line: "top pods -A", stderr: /Metrics API not available/, exit: 1 },
  { line: "top nodes", stderr: /Metrics API not available/, exit: 1 },
  { line: "version", stdout: /Server Version: .*v1\.\d+/ },
  { line: "cluster-info", stdout: /Kubernetes control plane/ },
  {
    line: "api-resources",
    columns: "NAME  SHORTNAMES  APIVERSION  NAMESPACED  KIND",
    stdout: /deployments +deploy +apps\/v1/,
  },
  { line: "api-versions", stdout: /^apps\/v1$/m },
  { line: "auth whoami", stdout: /kubernetes-admin/ },
  { line: "auth can-i delete nodes", stdout: /^yes/ },
  { line: "get --raw /readyz", stdout: /^ok/ },
  {
    line: "get pods -n bike-rentals nosuch",
    stderr: /^Error from server \(NotFound\): pods "nosuch" not found/,
    exit: 1,
  },
  { line: "get nosuch", stderr: /the server doesn't have a resource type "nosuch"/, exit: 1 },
];

const CONFIG = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\n  namespace: $NS\ndata:\n  value: "${value}"\n`;
const CLAIM =
  "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: claim\nspec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n";

/** What changes things, in order, in a namespace of the run's own. */
const EDGE_CHANGES: Omit<Line, "at">[] = [
  { line: "create namespace $NS", stdout: /^namespace\/\S+ created/ },
  { line: "create configmap made -n $NS --from-literal a=1", stdout: /created/ },
  { line: "create secret generic made -n $NS --from-literal a=1", stdout: /created/ },
  { line: "describe secret made -n $NS", stdout: /a: +1 bytes/ },
  { line: "create serviceaccount made -n $NS", stdout: /created/ },
  { line: "create token made -n $NS", stdout: /^ey[\w-]+\.[\w-]+\.[\w-]+/ },
  { line: "create role reader -n $NS --verb get --resource pods", stdout: /created/ },
  { line: "create rolebinding reader -n $NS --role reader --serviceaccount $NS:made", stdout: /created/ },
  { line: "get roles -n $NS", columns: "NAME  CREATED AT" },
  {
    line: "get rolebindings -n $NS -o wide",
    columns: "NAME  ROLE  AGE  USERS  GROUPS  SERVICEACCOUNTS",
    stdout: /Role\/reader/,
  },
  { line: "auth can-i get pods -n $NS --as system:serviceaccount:$NS:made", stdout: /^yes/ },
  { line: "auth can-i delete pods -n $NS --as system:serviceaccount:$NS:made", stdout: /^no/, exit: 1 },
  { line: "apply -f -", stdin: CONFIG("1"), stdout: /configmap\/applied created/ },
  { line: "apply -f -", stdin: CONFIG("1"), stdout: /configmap\/applied unchanged/ },
  { line: "diff -f -", stdin: CONFIG("2"), stdout: /^\+ +value: "2"/m, exit: 1 },
  { line: "apply -f -", stdin: CONFIG("2"), stdout: /configmap\/applied configured/ },
  { line: "apply --server-side --force-conflicts -f -", stdin: CONFIG("3"), stdout: /serverside-applied/ },
  {
    line: "get cm applied -n $NS -o yaml --show-managed-fields",
    stdout: /managedFields:[^]*operation: Apply/,
  },
  { line: "apply --dry-run=server -f -", stdin: CONFIG("4"), stdout: /\(server dry run\)/ },
  {
    line: "apply -f -",
    stdin: CONFIG("5").replace("\ndata:", "\ndate:"),
    stderr: /unknown field "date"/,
    exit: 1,
  },
  { line: 'patch cm applied -n $NS -p {"data":{"value":"6"}}', stdout: /patched/ },
  {
    line: 'patch cm applied -n $NS --type json -p [{"op":"replace","path":"/data/value","value":"7"}]',
    stdout: /patched/,
  },
  { line: "get cm applied -n $NS -o jsonpath={.data.value}", stdout: /^7$/ },
  { line: "label cm applied -n $NS tier=edge", stdout: /labeled/ },
  { line: "annotate cm applied -n $NS note=here", stdout: /annotate/ },
  { line: "get cm -n $NS -l tier=edge -o name", stdout: /^configmap\/applied\n$/ },
  { line: "apply -n $NS -f -", stdin: CLAIM, stdout: /created/ },
  {
    line: "get pvc -n $NS",
    columns: "NAME  STATUS  VOLUME  CAPACITY  ACCESS MODES  STORAGECLASS  VOLUMEATTRIBUTESCLASS  AGE",
    stdout: /claim +(Bound|Pending)/,
  },
  {
    line: "create deployment web -n $NS --image $IMAGE --port 8080",
    stdout: /deployment\.apps\/web created/,
  },
  { line: "rollout status deploy/web -n $NS --timeout 90s", stdout: /successfully rolled out/ },
  { line: "wait deploy/web -n $NS --for condition=Available --timeout 60s", stdout: /condition met/ },
  {
    line: "wait pods -n $NS -l app=web --for jsonpath={.status.phase}=Running --timeout 60s",
    stdout: /condition met/,
  },
  { line: "expose deploy/web -n $NS --port 80 --target-port 8080", stdout: /service\/web exposed/ },
  { line: "get endpoints web -n $NS", columns: "NAME  ENDPOINTS  AGE" },
  { line: "scale deploy/web -n $NS --replicas 0", stdout: /scaled/ },
  { line: "wait pods -n $NS -l app=web --for delete --timeout 60s" },
  { line: "scale deploy/web -n $NS --replicas 1", stdout: /scaled/ },
  { line: "rollout restart deploy/web -n $NS", stdout: /restarted/ },
  { line: "rollout status deploy/web -n $NS --timeout 90s", stdout: /successfully rolled out/ },
  { line: "rollout undo deploy/web -n $NS", stdout: /rolled back/ },
  { line: "rollout history deploy/web -n $NS --revision 2", stdout: /with revision #2/ },
  { line: "set env deploy/web -n $NS A=b", stdout: /env updated/ },
  { line: "set image deploy/web -n $NS *=$IMAGE" },
  { line: "delete pod -n $NS -l app=web --wait=false", stdout: /deleted/ },
  { line: "run once -n $NS --image $IMAGE --restart Never", stdout: /pod\/once created/ },
  { line: "wait pod/once -n $NS --for condition=Ready --timeout 60s", stdout: /condition met/ },
  { line: "delete pod once -n $NS --grace-period 1", stdout: /pod "once" deleted/ },
  { line: "create job hello -n $NS --image $IMAGE", stdout: /created/ },
  { line: "get jobs -n $NS", columns: "NAME  STATUS  COMPLETIONS  DURATION  AGE" },
  { line: "describe job hello -n $NS", stdout: /Parallelism: +1/ },
  { line: "create cronjob tick -n $NS --image $IMAGE --schedule 0+0+1+1+*", stdout: /created/ },
  { line: "get cronjobs -n $NS", columns: "NAME  SCHEDULE  TIMEZONE  SUSPEND  ACTIVE  LAST SCHEDULE  AGE" },
  { line: "describe cronjob tick -n $NS", stdout: /Schedule: +0 0 1 1 \*/ },
  { line: "delete job,cronjob,deploy,svc --all -n $NS", stdout: /"web" deleted/ },
  { line: "delete -f - --ignore-not-found", stdin: CONFIG("1"), stdout: /deleted/ },
  { line: "cordon near-edge-1 --dry-run=server", stdout: /cordoned \(server dry run\)/ },
  { line: "taint node near-edge-1 a=b:NoSchedule --dry-run=server", stdout: /tainted/ },
  { line: "delete ns $NS", stdout: /deleted/ },
];

/** Every line, in the order in which they run. */
export const LINES: readonly Line[] = [
  ...CORE.map((line): Line => ({ at: "core", ...line })),
  ...[...EDGE_TABLES, ...EDGE_CHANGES].map((line): Line => ({ at: "edge", ...line })),
];
