import type { PullRequest } from "./pull-request.ts";
import { fullName } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";

/** What a person still reads; the rest is a `git diff` away. */
const MAX_DIFF_CHARS = 256 * 1024;

/** The page that a pull request's `html_url` opens: state, text and diff, without scripts. */
export function pullRequestPage(repository: RepositoryName, pull: PullRequest, diff: string): string {
  const state = pull.mergedAt === undefined ? pull.state : "merged";
  const shown = diff.length > MAX_DIFF_CHARS ? `${diff.slice(0, MAX_DIFF_CHARS)}\n… cut` : diff;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(pull.title)} #${pull.number}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;padding:1rem;overflow:auto}</style>
</head><body>
<p>${escapeHtml(fullName(repository))}</p>
<h1>${escapeHtml(pull.title)} #${pull.number}</h1>
<p><strong>${state}</strong>: ${escapeHtml(pull.author)} wants to merge ${escapeHtml(pull.head)} into ${escapeHtml(pull.base)} (opened ${escapeHtml(pull.createdAt)})</p>
<pre>${escapeHtml(pull.body)}</pre>
<h2>Changes</h2>
<pre>${escapeHtml(shown)}</pre>
</body></html>
`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
