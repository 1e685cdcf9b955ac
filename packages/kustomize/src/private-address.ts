import { BlockList, isIP } from "node:net";

/**
 * Networks that a remote file may not lie in: what a manifest names must not make us ask services that only this
 * machine or its network can reach, cloud metadata above all (RFC 6890; 169.254.169.254). IPv4 in IPv6 counts as IPv4.
 */
const NETWORKS: readonly (readonly [address: string, prefix: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
  ["::", 127],
  ["64:ff9b::", 96],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
];

function privateNetworks(): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of NETWORKS)
    list.addSubnet(address, prefix, address.includes(":") ? "ipv6" : "ipv4");
  return list;
}

/** Tells whether an IP address is none of the public internet; what is no address counts as such. */
export function privateAddressCheck(): (address: string) => boolean {
  const networks = privateNetworks();
  return (address) => {
    const family = isIP(address);
    return family === 0 || networks.check(address, family === 6 ? "ipv6" : "ipv4");
  };
}
