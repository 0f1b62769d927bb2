/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Answers to packets that no backend can take: RST for TCP, "port unreachable" for UDP, in the name of the
 * service and out of the interface the packet came in by. Only packets without IP options or extension
 * headers are answered, so that every header has its usual place; the others are dropped.
 */
#ifndef BALANCER_L4_REJECT_H
#define BALANCER_L4_REJECT_H

#include "flow.h"
#include "output.h"
#include "sum.h"

#define OUR_TTL 64
/* ICMP errors per second and CPU; as many as the kernel's own limit allows a host in that time. */
#define ICMP_PER_SECOND 100

struct reset4 {
	struct ip4_header ip;
	struct tcp_header tcp;
};

struct reset6 {
	struct ip6_header ip;
	struct tcp_header tcp;
};

/* An error quotes the IP header and 8 bytes of what it is about. */
struct unreachable4 {
	struct ip4_header ip;
	struct icmp_header icmp;
	struct ip4_header about;
	struct udp_header udp;
};

struct unreachable6 {
	struct ip6_header ip;
	struct icmp_header icmp;
	struct ip6_header about;
	struct udp_header udp;
};

static __always_inline void fill_ip4(struct ip4_header *ip, const struct packet *p, __u16 bytes,
				     __u8 protocol)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->total_length = bpf_htons(bytes);
	ip->fragment = bpf_htons(0x4000);
	ip->ttl = OUR_TTL;
	ip->protocol = protocol;
	ip->src = p->key.dst.words[3];
	ip->dst = p->key.src.words[3];
	ip->checksum = ~csum_fold(sum_words(ip, sizeof(*ip)));
}

static __always_inline void fill_ip6(struct ip6_header *ip, const struct packet *p, __u16 bytes,
				     __u8 next)
{
	ip->version_class_label = bpf_htonl(0x60000000);
	ip->payload_length = bpf_htons(bytes - sizeof(*ip));
	ip->next = next;
	ip->hop_limit = OUR_TTL;
	__builtin_memcpy(ip->src, &p->key.dst, sizeof(ip->src));
	__builtin_memcpy(ip->dst, &p->key.src, sizeof(ip->dst));
}

/* RFC 9293, 3.10.7.1: a reset is believed when it acknowledges the SYN, or has the number expected next. */
static __always_inline void fill_reset(struct tcp_header *tcp, const struct packet *p,
				       const struct tcp_header *about)
{
	__u32 content = content_bytes(p);

	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->sport = p->key.dport;
	tcp->dport = p->key.sport;
	tcp->doff = sizeof(*tcp) / 4 << 4;
	if (p->tcp_flags & TCP_ACK) {
		tcp->seq = about->ack;
		tcp->flags = TCP_RST;
	} else {
		if (p->tcp_flags & TCP_SYN)
			content++;
		tcp->ack = bpf_htonl(bpf_ntohl(about->seq) + content);
		tcp->flags = TCP_RST | TCP_ACK;
	}
}

/* Checksum of a reset; unfinished when the kernel will finish what it finds there. */
static __always_inline __u16 reset_checksum(const struct packet *p, struct tcp_header *tcp,
					    int unfinished)
{
	__u64 sum = sum_pseudo(p, sizeof(*tcp), IPPROTO_TCP);

	if (unfinished)
		return csum_fold(sum);
	return ~csum_fold(sum + sum_words(tcp, sizeof(*tcp)));
}

/* Swaps the MAC addresses and sends the frame back where it came from. */
static __always_inline enum verdict send_back(ctx_t *ctx, struct packet *p, const struct macs *macs)
{
	p->vlan_out = p->vlan;
	return send_frame(ctx, p, macs->src, macs->dst, p->ifindex);
}

static __noinline int reset4(ctx_t *ctx, struct packet *p, struct l4_scratch *s, const struct macs *macs,
					   const struct tcp_header *about)
{
	struct reset4 *answer = (void *)&s->flow;
	int unfinished = ctx_checksum_is_unfinished(ctx, sizeof(struct eth_header) +
							 sizeof(struct ip4_header) +
							 __builtin_offsetof(struct tcp_header, checksum));

	fill_ip4(&answer->ip, p, sizeof(*answer), IPPROTO_TCP);
	fill_reset(&answer->tcp, p, about);
	answer->tcp.checksum = reset_checksum(p, &answer->tcp, unfinished);
	if (ctx_resize(ctx, sizeof(struct eth_header) + sizeof(*answer)) ||
	    ctx_store(ctx, sizeof(struct eth_header), answer, sizeof(*answer)))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, macs);
}

static __noinline int reset6(ctx_t *ctx, struct packet *p, struct l4_scratch *s, const struct macs *macs,
					   const struct tcp_header *about)
{
	struct reset6 *answer = (void *)&s->flow;
	int unfinished = ctx_checksum_is_unfinished(ctx, sizeof(struct eth_header) +
							 sizeof(struct ip6_header) +
							 __builtin_offsetof(struct tcp_header, checksum));

	fill_ip6(&answer->ip, p, sizeof(*answer), IPPROTO_TCP);
	fill_reset(&answer->tcp, p, about);
	answer->tcp.checksum = reset_checksum(p, &answer->tcp, unfinished);
	if (ctx_resize(ctx, sizeof(struct eth_header) + sizeof(*answer)) ||
	    ctx_store(ctx, sizeof(struct eth_header), answer, sizeof(*answer)))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, macs);
}

/* The kernel will finish the checksum of the datagram although it is now a quotation: what it will
 * write there is known, and the error's own checksum has to cover that. */
static __always_inline __u16 finished_checksum(struct udp_header *udp)
{
	__u16 checksum = ~csum_fold(sum_words(udp, sizeof(*udp)));

	return checksum ? checksum : 0xffff;
}

static __noinline int unreachable4(ctx_t *ctx, struct packet *p, struct l4_scratch *s, const struct macs *macs)
{
	struct unreachable4 *answer = (void *)&s->flow;
	__u32 about_bytes = sizeof(answer->about) + sizeof(answer->udp);
	__u32 room = sizeof(*answer) - about_bytes;
	__u64 sum;

	if (ctx_load(ctx, sizeof(struct eth_header), &answer->about, about_bytes))
		return drop(p, L4_DROP_HELPER_ERROR);
	fill_ip4(&answer->ip, p, sizeof(*answer), IPPROTO_ICMP);
	answer->icmp = (struct icmp_header){ .type = 3, .code = 3 };
	sum = sum_words(&answer->icmp, sizeof(answer->icmp)) + sum_words(&answer->about, about_bytes);
	if (ctx_checksum_is_unfinished(ctx, p->l4_offset + __builtin_offsetof(struct udp_header,
									      checksum)))
		sum += (__u16)~answer->udp.checksum + (__u64)finished_checksum(&answer->udp);
	answer->icmp.checksum = ~csum_fold(sum);
	if (ctx_resize(ctx, sizeof(struct eth_header) + about_bytes) || ctx_make_room(ctx, room) ||
	    ctx_store(ctx, sizeof(struct eth_header), answer, room))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, macs);
}

static __noinline int unreachable6(ctx_t *ctx, struct packet *p, struct l4_scratch *s, const struct macs *macs)
{
	struct unreachable6 *answer = (void *)&s->flow;
	__u32 about_bytes = sizeof(answer->about) + sizeof(answer->udp);
	__u32 room = sizeof(*answer) - about_bytes;
	__u64 sum;

	if (ctx_load(ctx, sizeof(struct eth_header), &answer->about, about_bytes))
		return drop(p, L4_DROP_HELPER_ERROR);
	fill_ip6(&answer->ip, p, sizeof(*answer), IPPROTO_ICMPV6);
	answer->icmp = (struct icmp_header){ .type = 1, .code = 4 };
	sum = sum_pseudo(p, sizeof(*answer) - sizeof(answer->ip), IPPROTO_ICMPV6) +
	      sum_words(&answer->icmp, sizeof(answer->icmp)) + sum_words(&answer->about, about_bytes);
	if (ctx_checksum_is_unfinished(ctx, p->l4_offset + __builtin_offsetof(struct udp_header,
									      checksum)))
		sum += (__u16)~answer->udp.checksum + (__u64)finished_checksum(&answer->udp);
	answer->icmp.checksum = ~csum_fold(sum);
	if (ctx_resize(ctx, sizeof(struct eth_header) + about_bytes) || ctx_make_room(ctx, room) ||
	    ctx_store(ctx, sizeof(struct eth_header), answer, room))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, macs);
}

/* Whether another answer may be sent in this second, on this CPU. */
static __always_inline int may_answer(struct l4_scratch *s, __u64 now)
{
	if (now - s->reject_start_ns >= NS_PER_S) {
		s->reject_start_ns = now;
		s->reject_count = 0;
	}
	return s->reject_count++ < ICMP_PER_SECOND;
}

/* Bytes of an IP header without options or extension headers. */
static __always_inline __u32 plain_ip_bytes(const struct packet *p)
{
	return p->family == 4 ? sizeof(struct ip4_header) : sizeof(struct ip6_header);
}

/* Answers a segment with RST; p->reason stays for the counter. */
__noinline int answer_reset(ctx_t *ctx, struct packet *p)
{
	struct l4_scratch *s = scratch();
	struct tcp_header about;
	struct macs macs;

	if (!p || !s || p->l4_offset != sizeof(struct eth_header) + plain_ip_bytes(p) ||
	    p->tcp_flags & TCP_RST || ctx_load(ctx, 0, &macs, sizeof(macs)) ||
	    ctx_load(ctx, p->l4_offset, &about, sizeof(about)))
		return VERDICT_DROP;
	return p->family == 4 ? reset4(ctx, p, s, &macs, &about) : reset6(ctx, p, s, &macs, &about);
}

/* Answers a packet that opens a flow for which there is no backend; p->reason stays for the counter. */
__noinline int reject(ctx_t *ctx, struct packet *p)
{
	struct l4_scratch *s = scratch();
	struct macs macs;

	if (!p || !s)
		return VERDICT_DROP;
	drop(p, L4_DROP_NO_BACKEND);
	if (p->key.protocol == IPPROTO_TCP)
		return answer_reset(ctx, p);
	if (p->l4_offset != sizeof(struct eth_header) + plain_ip_bytes(p) ||
	    ctx_load(ctx, 0, &macs, sizeof(macs)) || !may_answer(s, p->now_ns))
		return VERDICT_DROP;
	return p->family == 4 ? unreachable4(ctx, p, s, &macs) : unreachable6(ctx, p, s, &macs);
}

#endif
