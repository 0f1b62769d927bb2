/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ICMP errors. An error quotes the beginning of the packet that it is about; the reverse of that packet's
 * tuple is a packet of the flow in the direction in which the error goes, so its entry says what becomes of
 * both headers. That is how "packet too big" of a router reaches the backend that has to send less.
 */
#ifndef BALANCER_L4_ICMP_H
#define BALANCER_L4_ICMP_H

#include "forward.h"
#include "start.h"
#include "translate-error.h"

#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_TOO_BIG 2
#define ICMPV6_PARAMETER_PROBLEM 4

struct error4 {
	struct icmp_header icmp;
	struct ip4_header about;
};

struct error6 {
	struct icmp_header icmp;
	struct ip6_header about;
};

/* An error with the headers that change. Behind what find_route keeps in the same place. */
struct icmp_error {
	struct route_answer route;
	union {
		struct error4 v4;
		struct error6 v6;
	};
	union {
		struct ip4_header ip4;
		struct ip6_header ip6;
	};
	__u32 ports; /* of the quoted packet */
	struct addr16 to; /* where the error is sent to */
	struct l4_flow_key about; /* tuple of the quoted packet */
};

static __always_inline int is_error(__u8 family, const struct icmp_header *icmp)
{
	if (family == 4)
		return icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_TIME_EXCEEDED ||
		       icmp->type == ICMP_PARAMETER_PROBLEM;
	return icmp->type && icmp->type <= ICMPV6_PARAMETER_PROBLEM;
}

static __always_inline int has_small_mtu(__u8 family, const struct icmp_header *icmp)
{
	__u32 mtu = bpf_ntohl(icmp->rest);

	if (family == 4)
		return icmp->type == ICMP_UNREACHABLE && icmp->code == ICMP_FRAGMENTATION_NEEDED &&
		       (mtu & 0xffff) < MTU4_MIN;
	return icmp->type == ICMPV6_TOO_BIG && mtu < MTU6_MIN;
}

/* Offset of what follows the quoted packet's IP header. */
static __always_inline __u32 quoted_offset(const struct packet *p, const struct icmp_error *e)
{
	__u32 quoted = p->l4_offset + sizeof(struct icmp_header);

	return p->family == 4 ? quoted + (e->v4.about.version_ihl & 0xf) * 4 :
				quoted + sizeof(struct ip6_header);
}

/* Offset of the quoted packet's ports; of an echo, of its identifier and sequence number. */
static __always_inline __u32 ports_offset(const struct packet *p, const struct icmp_error *e)
{
	return quoted_offset(p, e) +
	       (is_icmp(e->about.protocol) ? __builtin_offsetof(struct echo_header, id) : 0);
}

/* Reads the tuple of a quoted echo. Returns whether it may be of a flow. */
static __noinline int read_echo(ctx_t *ctx, const struct packet *p, struct icmp_error *e)
{
	struct l4_config *cfg = config();
	struct echo_header echo;
	int is_request;

	if (!cfg || !(cfg->flags & L4_CFG_ECHO) ||
	    ctx_load(ctx, quoted_offset(p, e), &echo, sizeof(echo)))
		return 0;
	is_request = echo.type == (p->family == 4 ? ICMP_ECHO : ICMPV6_ECHO);
	if (!is_request && echo.type != (p->family == 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY))
		return 0;
	e->ports = echo.id | (__u32)echo.sequence << 16;
	e->about.sport = is_request ? echo.id : 0;
	e->about.dport = is_request ? 0 : echo.id;
	return 1;
}

/* Reads an error and the tuple of the packet it quotes. Returns whether it may be about a flow of ours:
 * later fragments have no ports, and an IPv6 packet of ours has no extension header before them. */
static __noinline int read_error(ctx_t *ctx, struct packet *p, struct icmp_error *e)
{
	struct ip4_header *ip4 = &e->v4.about;
	struct ip6_header *ip6 = &e->v6.about;
	__u32 offset;

	if (p->family == 4 ? ctx_load(ctx, p->l4_offset, &e->v4, sizeof(e->v4)) :
			     ctx_load(ctx, p->l4_offset, &e->v6, sizeof(e->v6)))
		return 0;
	if (!is_error(p->family, &e->v4.icmp))
		return 0;
	if (p->family == 4) {
		if (ip4->version_ihl >> 4 != 4 || (ip4->version_ihl & 0xf) < 5 ||
		    ip4->fragment & bpf_htons(IP_OFFSET_MASK))
			return 0;
		set_v4(&e->about.src, ip4->src);
		set_v4(&e->about.dst, ip4->dst);
		e->about.protocol = ip4->protocol;
	} else {
		__builtin_memcpy(&e->about.src, ip6->src, sizeof(e->about.src));
		__builtin_memcpy(&e->about.dst, ip6->dst, sizeof(e->about.dst));
		e->about.protocol = ip6->next;
	}
	offset = quoted_offset(p, e);
	if (offset + 8 > sizeof(struct eth_header) + p->total_bytes)
		return 0;
	if (e->about.protocol == (p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return read_echo(ctx, p, e);
	if ((e->about.protocol != IPPROTO_TCP && e->about.protocol != IPPROTO_UDP) ||
	    ctx_load(ctx, offset, &e->ports, sizeof(e->ports)))
		return 0;
	e->about.sport = e->ports;
	e->about.dport = e->ports >> 16;
	return 1;
}

/* The tuple (but for the zone, which is the error's) that a packet has which the flow's sender answers to the quoted one with. */
static __always_inline void reverse_key(const struct l4_flow_key *about, struct l4_flow_key *key)
{
	key->src = about->dst;
	key->dst = about->src;
	key->sport = about->dport;
	key->dport = about->sport;
	key->protocol = about->protocol;
	key->zero = 0;
}

/* Whether who gets the error sees the router that complains: a nat backend, as it sees clients, and a host
 * behind us, as it sees the world. All others get the error from the address they know. */
static __always_inline int keeps_source(const struct l4_flow *flow)
{
	if (flow->mode == L4_MODE_FNAT)
		return 0;
	return flow->dir == (flow->mode == L4_MODE_SNAT ? L4_DIR_OUT : L4_DIR_IN);
}

/* What takes the place of e->ports. */
static __always_inline __u32 new_ports(const struct icmp_error *e, const struct l4_flow *flow)
{
	if (unlikely(is_icmp(e->about.protocol)))
		return (flow->new_sport | flow->new_dport) | (e->ports & ~0xffffU);
	return flow->new_dport | (__u32)flow->new_sport << 16;
}

/* Puts the addresses and ports of the entry into both headers. */
static __noinline int rewrite_error4(ctx_t *ctx, const struct packet *p, struct icmp_error *e,
				     const struct l4_flow *flow)
{
	struct ip4_header *about = &e->v4.about, *ip = &e->ip4;
	__u32 ports = new_ports(e, flow);
	__be32 src, dst = flow->new_dst.words[3];
	__u64 replaced;

	if (ctx_load(ctx, sizeof(struct eth_header), ip, sizeof(*ip)))
		return -1;
	src = keeps_source(flow) ? ip->src : flow->new_src.words[3];
	/* What the addresses change in a sum over the quoted header its checksum changes back. */
	replaced = csum_replaced(about->src, dst) + csum_replaced(about->dst, flow->new_src.words[3]);
	about->checksum = csum_apply(about->checksum, replaced);
	about->src = dst;
	about->dst = flow->new_src.words[3];
	e->v4.icmp.checksum = csum_apply(e->v4.icmp.checksum, csum_replaced(e->ports, ports));
	replaced = csum_replaced(ip->src, src) + csum_replaced(ip->dst, dst) + csum_replaced(1, 0);
	ip->checksum = csum_apply(ip->checksum, replaced);
	ip->ttl--;
	ip->src = src;
	ip->dst = dst;
	return ctx_store(ctx, ports_offset(p, e), &ports, sizeof(ports)) ||
	       ctx_store(ctx, p->l4_offset, &e->v4, sizeof(e->v4)) ||
	       ctx_store(ctx, sizeof(struct eth_header), ip, sizeof(*ip));
}

static __noinline int rewrite_error6(ctx_t *ctx, const struct packet *p, struct icmp_error *e,
				     const struct l4_flow *flow)
{
	int keeps_src = keeps_source(flow), i;
	__u32 ports = new_ports(e, flow);
	struct ip6_header *about = &e->v6.about, *ip = &e->ip6;
	__u64 replaced = csum_replaced(e->ports, ports);
	__be32 src, dst;

	if (ctx_load(ctx, sizeof(struct eth_header), ip, sizeof(*ip)))
		return -1;
#pragma unroll
	for (i = 0; i < 4; i++) {
		dst = flow->new_dst.words[i];
		src = keeps_src ? ip->src[i] : flow->new_src.words[i];
		replaced += csum_replaced(about->src[i], dst) + csum_replaced(ip->dst[i], dst) +
			    csum_replaced(about->dst[i], flow->new_src.words[i]) +
			    csum_replaced(ip->src[i], src);
		about->src[i] = dst;
		about->dst[i] = flow->new_src.words[i];
		ip->src[i] = src;
		ip->dst[i] = dst;
	}
	ip->hop_limit--;
	e->v6.icmp.checksum = csum_apply(e->v6.icmp.checksum, replaced);
	return ctx_store(ctx, ports_offset(p, e), &ports, sizeof(ports)) ||
	       ctx_store(ctx, p->l4_offset, &e->v6, sizeof(e->v6)) ||
	       ctx_store(ctx, sizeof(struct eth_header), ip, sizeof(*ip));
}

/* Gives a quoted segment the number that its sender knows it by: one that quotes another is no error about a
 * segment under way (RFC 5927, 4.1). What is acknowledged to the sender is shifted by as much, and so is what lies
 * behind a PROXY header that the sender does not know of. */
__noinline int shift_quoted(ctx_t *ctx, const struct packet *p, struct icmp_error *e,
			    const struct l4_flow *flow)
{
	__u32 offset, seq;
	__be32 from, to;

	if (!p || !e || !flow || e->about.protocol != IPPROTO_TCP)
		return 0;
	offset = quoted_offset(p, e) + __builtin_offsetof(struct tcp_header, seq);
	if (ctx_load(ctx, offset, &from, sizeof(from)))
		return -1;
	seq = bpf_ntohl(from) + flow->ack_delta;
	if (flow->pp_len && flow->dir == L4_DIR_OUT)
		seq = flow->isn_c + 1 + without_header(seq - flow->isn_c - 1, flow->pp_len);
	to = bpf_htonl(seq);
	e->v4.icmp.checksum = csum_apply(e->v4.icmp.checksum, csum_replaced(from, to));
	return ctx_store(ctx, offset, &to, sizeof(to)) ||
	       ctx_store(ctx, p->l4_offset, &e->v4.icmp, sizeof(e->v4.icmp));
}

/* Puts the addresses of the entry into an error. Returns a drop reason, 0 when they are there. */
static __always_inline int rewrite_error(ctx_t *ctx, struct packet *p, struct icmp_error *e,
					 const struct l4_flow *flow)
{
	if (flow->flags & (L4_FLOW_SEQ_ADJUSTED | L4_FLOW_SPECIAL) && shift_quoted(ctx, p, e, flow))
		return L4_DROP_HELPER_ERROR;
	if (flow->flags & L4_FLOW_NAT64)
		return translate_error(ctx, p, flow);
	if (p->family == 4 ? rewrite_error4(ctx, p, e, flow) : rewrite_error6(ctx, p, e, flow))
		return L4_DROP_HELPER_ERROR;
	return 0;
}

/* The flow that another node knows and this one does not: the table says which backend has it. Returns
 * NULL when there is none, or one that would need an entry. */
static __noinline struct l4_flow *flow_by_table(struct packet *p, struct l4_scratch *s, __u32 service)
{
	struct l4_service *svc = bpf_map_lookup_elem(&l4_svc, &service);
	struct l4_backend *backend;
	__u32 slot;

	if (!svc || !(svc->flags & L4_SVC_ENABLED) || !has_key_table(svc))
		return NULL;
	slot = select_backend(p, svc, service, hash_flow(p, svc, svc->hash_seed, svc->hash_mode));
	backend = eligible_backend(slot);
	if (!backend || (backend->mode != L4_MODE_DR && backend->mode != L4_MODE_TUNNEL))
		return NULL;
	s->flow.service = service;
	s->flow.backend = slot;
	s->flow.mode = backend->mode;
	s->flow.dir = L4_DIR_IN;
	return &s->flow;
}

/* What becomes of an error without a flow: the kernel may know more about addresses that it owns, but
 * nothing about ports that only flows use. */
static __always_inline enum verdict handle_stray(struct packet *p, __u32 owned,
						 const struct l4_config *cfg)
{
	__u16 port = bpf_ntohs(p->key.dport);

	if (owned < L4_OWNED_LIP ||
	    (owned == L4_OWNED_LIP && port >= cfg->port_lo && port <= cfg->port_hi))
		return drop(p, L4_DROP_ICMP_NO_CONN);
	return VERDICT_PASS;
}

static __noinline int send_error(ctx_t *ctx, struct packet *p, struct icmp_error *e,
				 const struct l4_flow *flow, const struct l4_config *cfg)
{
	__u32 slot = flow->backend;
	struct l4_backend *backend;
	int reason = 0, gained = 0, is_out = flow->dir == L4_DIR_OUT;
	int by_route = cfg->reply_path != L4_REPLY_SYMMETRIC;

	if (!is_out && is_one_way(flow->mode) && flow->mode != L4_MODE_DR_IP) {
		backend = bpf_map_lookup_elem(&l4_be, &slot);
		if (!backend)
			return drop(p, L4_DROP_NO_BACKEND);
		note_tag(p, backend);
		return flow->mode == L4_MODE_TUNNEL ? forward_in_tunnel(ctx, p, flow, backend, cfg, NULL) :
						      forward_direct(ctx, p, backend, NULL);
	}
	if (flow->flags & L4_FLOW_NAT64)
		gained = error_bytes_gained(p);
	p->route.bytes = p->total_bytes + gained;
	p->route.overhead = 0;
	p->route.on_link = 0;
	backend = bpf_map_lookup_elem(&l4_be, &slot);
	if (!is_out && backend)
		reason = route_to_backend(ctx, p, backend, &flow->new_src, &flow->new_dst, gained, 0);
	else if (!is_out || by_route)
		reason = find_route(ctx, p, &flow->new_src, &flow->new_dst);
	if (!reason)
		reason = rewrite_error(ctx, p, e, flow);
	if (reason)
		return drop(p, reason);
	if (!is_out && backend) {
		note_tag(p, backend);
		return send_to_backend(ctx, p, backend);
	}
	if (!is_out || by_route)
		return send_by_route(ctx, p);
	p->vlan_out = flow->client_vlan;
	return send_frame(ctx, p, flow->mac, flow->our_mac, flow->ifindex);
}

/* An ICMP packet: an error about a packet of a flow goes where the flow goes, others to the kernel. */
__noinline int forward_error(ctx_t *ctx, struct packet *p)
{
	struct l4_config *cfg = config();
	struct l4_scratch *s = scratch();
	struct l4_flow *flow;
	struct icmp_error *e;
	__u32 zero = 0, *id;

	e = bpf_map_lookup_elem(&l4_work, &zero);
	/* Errors do not come in fragments. */
	if (!p || !cfg || !s || !e || p->fragment || !read_error(ctx, p, e))
		return VERDICT_PASS;
	p->ifindex = ctx_ifindex(ctx);
	reverse_key(&e->about, &p->key);
	flow = bpf_map_lookup_elem(&l4_ct, &p->key);
	if (!flow) {
		id = find_service(p);
		if (!id)
			return VERDICT_PASS;
		if (*id < L4_OWNED_LIP)
			flow = flow_by_table(p, s, *id);
		if (!flow)
			return handle_stray(p, *id, cfg);
	}
	if (p->ttl <= 1)
		return drop(p, L4_DROP_TTL);
	if (has_small_mtu(p->family, &e->v4.icmp))
		count_reason(L4_COUNT_ICMP_SMALL_MTU, ctx_bytes(ctx));
	count_packet(p, flow, 0);
	return send_error(ctx, p, e, flow, cfg);
}

#endif
