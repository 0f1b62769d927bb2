/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Lists of clients that may or may not use a service. The longest prefix of each list is found by the kernel. */
#ifndef BALANCER_L4_LISTS_H
#define BALANCER_L4_LISTS_H

#include "maps.h"

/* Bits of a key: those of the list, and of an address. */
#define ACL_KEY_BITS 160

/* Whether a list of the service has an address; counts the entry that does. */
static __noinline int is_listed(const struct addr16 *client, __u32 service, __u32 kind)
{
	struct l4_acl_key key = { .prefix_bits = ACL_KEY_BITS, .list = bpf_htonl(service * 2 + kind) };
	struct l4_acl *entry;

	key.address = *client;
	entry = bpf_map_lookup_elem(&l4_acl, &key);
	if (!entry)
		return 0;
	__sync_fetch_and_add(&entry->hits, 1);
	return 1;
}

/* Asks the lists of a service with these flags; who is on both is denied. Returns a drop reason, 0 when the
 * client may. */
static __noinline int lists_forbid(const struct addr16 *client, __u32 service, __u32 flags)
{
	if (flags & L4_SVC_DENY && is_listed(client, service, L4_ACL_DENY))
		return L4_DROP_ACL_DENY;
	if (flags & L4_SVC_ALLOW && !is_listed(client, service, L4_ACL_ALLOW))
		return L4_DROP_ACL_NOT_ALLOWED;
	return 0;
}

#endif
