/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Tunnels other than IPIP: GUE (draft-ietf-intarea-gue, variants 0 and 1), GRE (RFC 2784) and VXLAN (RFC 7348),
 * over IPv4 and IPv6. The packet itself stays untouched. UDP's source port is made from the flow's hash, so that
 * routers and cards spread flows.
 */
#ifndef BALANCER_L4_TUNNEL_H
#define BALANCER_L4_TUNNEL_H

#include "rewrite.h"
#include "sum.h"

#define GUE_PORT 6080
#define VXLAN_PORT 4789
#define VXLAN_HAS_VNI 0x08000000
/* Source ports of tunnels over UDP: the upper quarter. */
#define SOURCE_PORT_FIRST 49152
#define SOURCE_PORTS 16384

struct gue_header {
	__u8 version_length;
	__u8 protocol;
	__be16 flags;
};

struct gre_header {
	__be16 flags;
	__be16 type;
};

struct vxlan_header {
	__be32 flags;
	__be32 vni; /* in the upper three bytes */
};

/* What follows the outer IP header, by kind. */
struct tunnel_head {
	union {
		struct udp_header udp;
		struct gre_header gre;
	};
	union {
		struct gue_header gue;
		struct {
			struct vxlan_header vxlan;
			struct eth_header eth;
		};
	};
};

/* Bytes between the outer IP header and the packet. */
static __always_inline __u32 tunnel_head_bytes(__u8 tunnel)
{
	switch (tunnel) {
	case L4_TUNNEL_GUE:
		return sizeof(struct udp_header) + sizeof(struct gue_header);
	case L4_TUNNEL_GUE1:
		return sizeof(struct udp_header);
	case L4_TUNNEL_GRE:
		return sizeof(struct gre_header);
	case L4_TUNNEL_VXLAN:
		return sizeof(struct udp_header) + sizeof(struct vxlan_header) +
		       sizeof(struct eth_header);
	default:
		return 0;
	}
}

/* Behind what find_route keeps in the same place for the packet. */
struct tunnel_work {
	struct route_answer route;
	struct tunnel_head head;
};

_Static_assert(sizeof(struct tunnel_work) <= SUM_KEPT_BYTES, "not kept while a packet is summed");

static __always_inline struct tunnel_work *tunnel_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_work, &zero);
}

/* Offset of the packet's own checksum, once there are outer headers before it. */
static __always_inline __u32 inner_checksum_offset(const struct packet *p, __u32 outer_bytes)
{
	return p->l4_offset + outer_bytes + checksum_offset(p);
}

/*
 * Checksum of the outer UDP header, if there is one and the packet goes as it is. Of a whole segment or datagram with a checksum only the
 * headers are read: together with its pseudo header it adds up to all ones, and so it does when the card has yet
 * to finish that checksum. What has none, or is a part only, is read throughout.
 */
__noinline int write_outer_checksum(ctx_t *ctx, const struct packet *p, const struct addr16 *src,
				    const struct l4_backend *backend)
{
	__u32 ip_bytes, head_bytes, inner_ip_bytes;
	struct summing s = { .ctx = ctx };
	__u16 inner = 0, checksum;

	if (!p || !src || !backend)
		return -1;
	if (backend->tunnel == L4_TUNNEL_GRE || ctx_will_be_cut(ctx))
		return 0;
	ip_bytes = backend->family == 6 ? sizeof(struct ip6_header) : sizeof(struct ip4_header);
	head_bytes = tunnel_head_bytes(backend->tunnel);
	inner_ip_bytes = p->l4_offset - sizeof(struct eth_header);
	s.offset = sizeof(struct eth_header) + ip_bytes;
	s.left = head_bytes + p->total_bytes;
	s.sum = sum_addresses(src, &backend->address, backend->family == 6) + bpf_htons(IPPROTO_UDP) +
		bpf_htons(s.left);
	if (p->l4_header_bytes && !p->fragment) {
		if (ctx_load(ctx, inner_checksum_offset(p, ip_bytes + head_bytes), &inner,
			     sizeof(inner)))
			return -1;
		if (inner || p->key.protocol == IPPROTO_TCP) {
			s.left = head_bytes + inner_ip_bytes;
			s.sum += (__u16)~csum_fold(sum_pseudo(p, p->total_bytes - inner_ip_bytes,
							      p->key.protocol));
		}
	}
	if (sum_packet(&s))
		return -1;
	checksum = ~csum_fold(s.sum);
	/* Zero would say that there is none. */
	if (!checksum)
		checksum = 0xffff;
	return ctx_store(ctx,
			 sizeof(struct eth_header) + ip_bytes +
				 __builtin_offsetof(struct udp_header, checksum),
			 &checksum, sizeof(checksum));
}

static __always_inline void fill_udp(struct udp_header *udp, const struct l4_backend *backend, __u32 hash,
				     __u16 port, __u16 bytes)
{
	udp->sport = bpf_htons(SOURCE_PORT_FIRST + hash % SOURCE_PORTS);
	udp->dport = backend->tunnel_port ? backend->tunnel_port : bpf_htons(port);
	udp->length = bpf_htons(bytes);
	udp->checksum = 0;
}

/* Fills the headers between the outer IP header and the packet. */
static __always_inline void fill_head(struct tunnel_head *head, const struct packet *p,
				      const struct l4_backend *backend, __u32 hash, __u16 bytes)
{
	__be16 type = p->family == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	__u8 tunnel = backend->tunnel;

	if (tunnel == L4_TUNNEL_GRE) {
		head->gre.flags = 0;
		head->gre.type = type;
		return;
	}
	fill_udp(&head->udp, backend, hash, tunnel == L4_TUNNEL_VXLAN ? VXLAN_PORT : GUE_PORT, bytes);
	if (tunnel == L4_TUNNEL_VXLAN) {
		head->vxlan.flags = bpf_htonl(VXLAN_HAS_VNI);
		head->vxlan.vni = bpf_htonl(backend->vni << 8);
		__builtin_memcpy(head->eth.dst, backend->inner_dmac, sizeof(head->eth.dst));
		head->eth.type = type;
		return;
	}
	head->gue.version_length = 0;
	head->gue.protocol = p->family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	head->gue.flags = 0;
}

/* Wraps the packet for a backend whose tunnel is not IPIP. */
__noinline int encapsulate_in(ctx_t *ctx, struct packet *p, const struct addr16 *src,
			      const struct l4_backend *backend, __u32 hash)
{
	struct tunnel_work *work = tunnel_work();
	__u32 ip_bytes, head_bytes;
	struct outer outer = {};
	struct eth_header *eth;
	int outer6;
	__u8 tunnel;

	if (!p || !src || !backend || !work)
		return -1;
	outer6 = backend->family == 6;
	ip_bytes = outer6 ? sizeof(struct ip6_header) : sizeof(struct ip4_header);
	tunnel = backend->tunnel;
	head_bytes = tunnel_head_bytes(tunnel);
	outer.src = src;
	outer.dst = &backend->address;
	outer.hash = hash;
	outer.bytes = head_bytes + p->total_bytes;
	outer.protocol = tunnel == L4_TUNNEL_GRE ? IPPROTO_GRE : IPPROTO_UDP;
	outer.tos = p->tos;
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return -1;
	/* The inner frame comes from where it was sent to: from us. */
	__builtin_memcpy(work->head.eth.src, eth->dst, sizeof(work->head.eth.src));
	fill_head(&work->head, p, backend, hash, outer.bytes);
	if (ctx_grow_tunnel(ctx, ip_bytes + head_bytes, outer6, tunnel))
		return -1;
	if (write_outer(ctx, &outer, outer6))
		return -1;
	return !head_bytes ||
	       ctx_store(ctx, sizeof(struct eth_header) + ip_bytes, &work->head, head_bytes);
}

#endif
