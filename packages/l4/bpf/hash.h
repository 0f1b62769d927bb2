/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * MurmurHash3 (x86, 32 bits) over addresses and ports. Every node of a cluster and the control plane
 * compute the same value for a flow; the source is A. Appleby's public-domain description.
 */
#ifndef BALANCER_L4_HASH_H
#define BALANCER_L4_HASH_H

#include "packet.h"

static __always_inline __u32 rotate_left(__u32 value, int bits)
{
	return (value << bits) | (value >> (32 - bits));
}

static __always_inline __u32 murmur_word(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = rotate_left(word, 15);
	word *= 0x1b873593;
	hash ^= word;
	hash = rotate_left(hash, 13);
	return hash * 5 + 0xe6546b64;
}

static __always_inline __u32 murmur_end(__u32 hash, __u32 bytes)
{
	hash ^= bytes;
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	return hash ^ (hash >> 16);
}

/* Hash of an address (4 or 16 raw bytes) and, when with_ports, of two ports behind it. */
static __always_inline __u32 hash_address(const struct addr16 *address, int family, __u32 seed,
					  int with_ports, __u32 ports)
{
	__u32 hash = seed, bytes = 4;

	if (family == 6) {
		hash = murmur_word(hash, address->words[0]);
		hash = murmur_word(hash, address->words[1]);
		hash = murmur_word(hash, address->words[2]);
		bytes = 16;
	}
	hash = murmur_word(hash, address->words[3]);
	if (with_ports) {
		hash = murmur_word(hash, ports);
		bytes += 4;
	}
	return murmur_end(hash, bytes);
}

/* The service's hash of a packet from a client. */
static __always_inline __u32 hash_flow(const struct packet *p, const struct l4_service *svc,
				       __u32 seed, int mode)
{
	__u16 vport = svc->flags & L4_SVC_ANY_PORT ? 0 : p->key.dport;
	/* The bytes of the source port stand first, then those of the service's port. */
	__u32 ports = p->key.sport | (__u32)vport << 16;

	if (mode == L4_HASH_NETWORK && p->family == 6) {
		seed = murmur_word(seed, p->key.src.words[0]);
		return murmur_end(murmur_word(seed, p->key.src.words[1]), 8);
	}
	if (mode == L4_HASH_DST_IP)
		return hash_address(&p->key.dst, p->family, seed, 0, 0);
	return hash_address(&p->key.src, p->family, seed, mode == L4_HASH_IP_PORT, ports);
}

#endif
