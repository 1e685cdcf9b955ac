import { readFile } from "node:fs/promises";
import { release, type } from "node:os";

/** Of which only one line is wanted: https://www.freedesktop.org/software/systemd/man/os-release.html. */
const OS_RELEASE = "/etc/os-release";

/** What `kubectl get nodes -o wide` shows of the machine: `Debian GNU/Linux 12 (bookworm)` and the kernel's release. */
export async function operatingSystem(): Promise<{ osImage: string; kernelVersion: string }> {
  const text = await readFile(OS_RELEASE, "utf8").catch(() => "");
  return { osImage: prettyName(text) ?? type(), kernelVersion: release() };
}

/** PRETTY_NAME of an os-release file, without its quotes. */
export function prettyName(osRelease: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim();
  const unquoted = /^(["'])(.*)\1$/.exec(value ?? "")?.[2] ?? value;
  return unquoted === "" ? undefined : unquoted;
}
