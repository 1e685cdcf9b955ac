import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { UserInfo } from "@ai-edge/api";

/** Whether the client showed a certificate that is not ours, or whose time has passed. */
export function hasBadCertificate(request: IncomingMessage): boolean {
  const { socket } = request;
  return (
    socket instanceof TLSSocket && !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0
  );
}

/** The user of a verified client certificate: CN is the name, every O a group. Undefined without a certificate. */
export function userOfCertificate(request: IncomingMessage): UserInfo | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const username: unknown = subject?.CN;
  if (typeof username !== "string" || username === "") return undefined;
  const organizations: unknown = subject.O;
  const groups = Array.isArray(organizations)
    ? organizations.filter((one) => typeof one === "string")
    : typeof organizations === "string"
      ? [organizations]
      : [];
  return { username, groups };
}
