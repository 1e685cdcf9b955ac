import { ANNOTATION_ROUTE_URL, Route } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { createManager } from "@ai-edge/runtime";
import type { Logger } from "pino";

import type { RouteEndpoint } from "./endpoints.ts";

/** Follows the Routes of one edge and reports the full list whenever it changes. */
export function followRoutes(options: {
  client: Client;
  logger: Logger;
  signal: AbortSignal;
  onChange: (routes: RouteEndpoint[]) => void;
}): void {
  const manager = createManager({ client: options.client, logger: options.logger });
  const routes = manager.informer(Route);
  let reported = "";
  routes.onEvent(() => {
    const list = routes.store
      .list()
      .flatMap((route) => {
        const url = route.metadata.annotations?.[ANNOTATION_ROUTE_URL];
        return url === undefined
          ? []
          : [{ namespace: route.metadata.namespace ?? "", name: route.metadata.name, url }];
      })
      .sort((a, b) => `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`));
    const text = JSON.stringify(list);
    if (text === reported) return;
    reported = text;
    options.onChange(list);
  });
  void manager.start(options.signal).catch((error: unknown) => {
    if (!options.signal.aborted) options.logger.error({ err: error }, "following Routes ended");
  });
}
