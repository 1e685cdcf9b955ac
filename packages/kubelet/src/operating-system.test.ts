import { expect, test } from "vitest";
import { operatingSystem, prettyName } from "./operating-system.ts";

test.each([
  ['NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "Debian GNU/Linux 12 (bookworm)"],
  ["PRETTY_NAME='Arch Linux'", "Arch Linux"],
  ["PRETTY_NAME=Alpine\r\n", "Alpine"],
  ['PRETTY_NAME=""', undefined],
  ["NAME=Nothing", undefined],
  ["", undefined],
])("os-release %j", (text, expected) => {
  expect(prettyName(text)).toBe(expected);
});

test("this machine has both", async () => {
  const { osImage, kernelVersion } = await operatingSystem();
  expect(osImage).not.toBe("");
  expect(kernelVersion).not.toBe("");
});
