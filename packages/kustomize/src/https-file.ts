import { lookup } from "node:dns";
import { get as getHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";
import { isIP } from "node:net";
import type { LookupFunction } from "node:net";
import type { NetworkOptions } from "./network-fetcher.ts";
import { privateAddressCheck } from "./private-address.ts";
import type { FetchBounds } from "./remote-build.ts";

/** As most programs allow; a file is one or two away. */
const MAX_REDIRECTS = 5;

/** Gets a file over HTTPS. @throws Error for another status than 2xx, a refused address, too many bytes */
export async function fetchFile(
  address: string,
  bounds: FetchBounds,
  options: NetworkOptions,
): Promise<Uint8Array> {
  let url = new URL(address);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, bounds, options);
    const { statusCode = 0, statusMessage = "" } = response;
    const { location } = response.headers;
    if (statusCode >= 300 && statusCode < 400 && location !== undefined) {
      response.destroy();
      const next = new URL(location, url);
      if (next.protocol !== url.protocol) {
        throw new Error(`redirected from ${url.protocol} to ${next.protocol}, which is not followed`);
      }
      // Credentials are for the host that they were given for.
      url = next;
      continue;
    }
    if (statusCode < 200 || statusCode > 299) {
      response.destroy();
      throw new Error(`HTTP Error: status code ${statusCode} (${statusMessage})`);
    }
    return read(response, bounds.maxBytes);
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

function request(url: URL, { signal }: FetchBounds, options: NetworkOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  if (url.protocol !== "https:" && !(url.protocol === "http:" && options.allowInsecure === true)) {
    throw new Error(`${url.protocol}// is not secure, files are fetched over https only`);
  }
  const isPrivate = privateAddressCheck();
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (options.allowPrivateAddresses !== true && isIP(host) !== 0 && isPrivate(host))
    throw privateAddress(host, host);
  const settings = {
    signal,
    // A connection of its own: none that is kept open may have been made under other rules.
    agent: false,
    headers: { "user-agent": "ai-edge-kustomize", accept: "*/*" },
    ...(options.allowPrivateAddresses === true ? {} : { lookup: publicLookup(isPrivate) }),
  };
  const get = url.protocol === "https:" ? getHttps : getHttp;
  get(url, settings, resolve).on("error", reject);
  return promise;
}

/** Looks at the addresses that will be connected to, so that a name cannot mean another one the second time. */
function publicLookup(isPrivate: (address: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      const refused = addresses.find(({ address }) => isPrivate(address));
      if (refused !== undefined) return callback(privateAddress(host, refused.address), "", 0);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}

function privateAddress(host: string, address: string): Error {
  return new Error(
    `host '${host}' has the address ${address}, which is none of the public internet; remote files are not fetched from there`,
  );
}

async function read(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) {
      response.destroy();
      throw new Error(`more than ${maxBytes} bytes`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
