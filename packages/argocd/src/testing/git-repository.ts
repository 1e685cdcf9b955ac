import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A real Git repository on disk, with the files that a test commits to it. */
export class TestRepository {
  readonly directory = mkdtempSync(path.join(tmpdir(), "ai-edge-repository-"));

  constructor() {
    this.#git("init", "--quiet", "--initial-branch=main");
  }

  get url(): string {
    return `file://${this.directory}`;
  }

  /** Replaces the files given, removes those that are null. @returns the commit */
  commit(files: Record<string, string | null>, message = "change"): string {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(this.directory, name);
      mkdirSync(path.dirname(file), { recursive: true });
      if (content === null) rmSync(file);
      else writeFileSync(file, content);
    }
    this.#git("add", "--all");
    this.#git("commit", "--quiet", "--allow-empty", "--message", message);
    return this.#git("rev-parse", "HEAD");
  }

  tag(name: string): void {
    this.#git("tag", name);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #git(...args: string[]): string {
    const identity = [
      "-c",
      "user.name=test",
      "-c",
      "user.email=test@example.com",
      "-c",
      "commit.gpgsign=false",
    ];
    return execFileSync("git", [...identity, ...args], { cwd: this.directory, encoding: "utf8" }).trim();
  }
}
