import { expect, test } from "vitest";

import { blockNumberOf, claimLoopbackNetwork } from "./loopback-network.ts";

test("two processes never share a block; a released one is had again", async () => {
  const preferred = 150;
  const first = await claimLoopbackNetwork({ preferred });
  const second = await claimLoopbackNetwork({ preferred });
  expect(second.cidr).not.toBe(first.cidr);
  const block = blockNumberOf(first);
  await first.release();
  const third = await claimLoopbackNetwork({ preferred: block });
  expect(third.cidr).toBe(first.cidr);
  await Promise.all([second.release(), third.release()]);
});

test("the block's parts do not overlap", async () => {
  const network = await claimLoopbackNetwork({ preferred: 33 });
  const n = blockNumberOf(network) + 16;
  expect([network.cidr, network.podCIDR, network.serviceCIDR, network.routeCIDR]).toEqual([
    `127.${n}.0.0/16`,
    `127.${n}.0.0/17`,
    `127.${n}.128.0/18`,
    `127.${n}.192.0/18`,
  ]);
  await network.release();
});
