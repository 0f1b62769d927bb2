/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The context layer: what differs between the XDP hook and the tc hook, so that every mode is written
 * once. tc sees packets whose checksum may be unfinished and whose payload may be elsewhere (offloads), so
 * there all changes of the L4 checksum go through helpers that know.
 */
#ifndef BALANCER_L4_CTX_H
#define BALANCER_L4_CTX_H

#include "maps.h"
#include "packet.h"

/* Bounds an offset of the packet's record for the verifier; parse() has checked the real one. */
#define OFFSET_MASK 0x3fff

/* Verdicts of the modules above; ctx_verdict turns them into those of the hook. */
enum verdict {
	VERDICT_PASS,
	VERDICT_DROP,
	VERDICT_SENT, /* ctx_send said how */
};

#ifdef L4_HOOK_TC
typedef struct __sk_buff ctx_t;
#else
typedef struct xdp_md ctx_t;
#endif

/* Loads written by hand: the compiler would keep the address of the field in a register, and the verifier
 * allows no arithmetic on the context. They also make each use after a helper read the pointer anew. */
#define ctx_pointer(ctx, field)                                                                  \
	({                                                                                       \
		void *pointer;                                                                   \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                            \
			     : "=r"(pointer)                                                     \
			     : "r"(ctx), "i"(__builtin_offsetof(ctx_t, field)));                 \
		pointer;                                                                         \
	})

static __always_inline void *ctx_data(const ctx_t *ctx)
{
	return ctx_pointer(ctx, data);
}

static __always_inline void *ctx_end(const ctx_t *ctx)
{
	return ctx_pointer(ctx, data_end);
}

#ifdef L4_HOOK_TC

#define BPF_F_RECOMPUTE_CSUM 1
#define BPF_F_PSEUDO_HDR 0x10
#define BPF_F_MARK_MANGLED_0 0x20
#define BPF_ADJ_ROOM_NET 0
#define BPF_ADJ_ROOM_MAC 1
#define BPF_F_ADJ_ROOM_FIXED_GSO 1
#define BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 2
#define BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 4
#define BPF_F_ADJ_ROOM_ENCAP_L4_GRE 8
#define BPF_F_ADJ_ROOM_ENCAP_L4_UDP 0x10
#define BPF_F_ADJ_ROOM_ENCAP_L2_ETH 0x40
/* Bytes of an Ethernet header inside. */
#define BPF_F_ADJ_ROOM_ENCAP_L2(bytes) ((__u64)(bytes) << 56)
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV4 0x80
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV6 0x100

/* Header bytes that have to be in the linear part; IPv6 extension headers included. */
#define PULL_BYTES 256

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ifindex;
}

static __always_inline __u32 ctx_bytes(const ctx_t *ctx)
{
	return ctx->len;
}

/* Bytes of the IP packet that goes over the wire: of one segment, when the card will cut the packet. */
static __always_inline __u32 ctx_segment_bytes(const ctx_t *ctx, const struct packet *p)
{
	if (!ctx->gso_size)
		return p->total_bytes;
	return p->l4_offset - sizeof(struct eth_header) + p->l4_header_bytes + ctx->gso_size;
}

/* Packets that it is on the wire. */
static __always_inline __u32 ctx_segments(const ctx_t *ctx)
{
	__u32 segments = ctx->gso_segs;

	return segments ? segments : 1;
}

/* Whether the packet goes over the wire in pieces, each of which gets the headers that this one has. */
static __always_inline int ctx_will_be_cut(const ctx_t *ctx)
{
	return ctx->gso_size != 0;
}

/* Makes headers readable. */
static __always_inline void ctx_pull(ctx_t *ctx)
{
	__u32 linear = ctx_end(ctx) - ctx_data(ctx);

	if (linear < PULL_BYTES && linear < ctx->len)
		bpf_skb_pull_data(ctx, ctx->len < PULL_BYTES ? ctx->len : PULL_BYTES);
}

/* Makes headers readable. Returns whether the frame was sent to this host, and without a VLAN tag: the
 * kernel takes tags off before this hook. */
static __always_inline int ctx_prepare(ctx_t *ctx)
{
	if (ctx->pkt_type != 0 || ctx->vlan_present)
		return 0;
	ctx_pull(ctx);
	return 1;
}

/* Adds one's complement differences to the L4 checksum: addresses are part of its pseudo header. */
static __always_inline int ctx_fix_l4(ctx_t *ctx, __u32 offset, __u64 addresses, __u64 ports, int udp)
{
	__u64 flags = udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (bpf_l4_csum_replace(ctx, offset, 0, csum_fold(addresses), flags | BPF_F_PSEUDO_HDR))
		return -1;
	return bpf_l4_csum_replace(ctx, offset, 0, csum_fold(ports), flags);
}

/* Writes what the L4 checksum covers, which is to be told with ctx_fix_tcp or ctx_fix_l4. */
static __always_inline int ctx_replace(ctx_t *ctx, __u32 offset, const void *from, __u32 bytes)
{
	return bpf_skb_store_bytes(ctx, offset, from, bytes, 0);
}

/* Adds the difference of words in a segment to its checksum. */
static __always_inline int ctx_fix_tcp(ctx_t *ctx, const struct packet *p, __u64 changed)
{
	return bpf_l4_csum_replace(ctx, p->l4_offset + __builtin_offsetof(struct tcp_header, checksum),
				   0, csum_fold(changed), 0);
}

/* The same for an ICMP echo, whose checksum covers addresses in IPv6 alone. */
static __always_inline int ctx_fix_echo(ctx_t *ctx, const struct packet *p, __u64 addresses, __u64 changed)
{
	return ctx_fix_l4(ctx, p->l4_offset + __builtin_offsetof(struct echo_header, checksum),
			  addresses, changed, 0);
}

/* The same for a segment that has grown, whose length is part of the pseudo header. */
static __always_inline int ctx_fix_grown(ctx_t *ctx, const struct packet *p, __u64 length, __u64 changed)
{
	__u32 offset = p->l4_offset + __builtin_offsetof(struct tcp_header, checksum);

	return ctx_fix_l4(ctx, offset, length, changed, 0);
}

static __always_inline int ctx_grow_head(ctx_t *ctx, int room, int outer6)
{
	return bpf_skb_adjust_room(ctx, room, BPF_ADJ_ROOM_MAC,
				   outer6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 :
					    BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
}

/* Room for the outer headers of a tunnel over GRE or UDP. The kernel has to know what they are to cut a packet
 * that is larger than the way; the pieces stay as large as they are, as the way was measured with them. */
static __always_inline int ctx_grow_tunnel(ctx_t *ctx, int room, int outer6, __u8 tunnel)
{
	__u64 flags = outer6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;

	flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
	flags |= tunnel == L4_TUNNEL_GRE ? BPF_F_ADJ_ROOM_ENCAP_L4_GRE : BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	if (tunnel == L4_TUNNEL_VXLAN)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L2(sizeof(struct eth_header)) |
			 BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
	return bpf_skb_adjust_room(ctx, room, BPF_ADJ_ROOM_MAC, flags);
}

static __always_inline int ctx_load(ctx_t *ctx, __u32 offset, void *to, __u32 bytes)
{
	return bpf_skb_load_bytes(ctx, offset, to, bytes);
}

static __always_inline int ctx_store(ctx_t *ctx, __u32 offset, const void *from, __u32 bytes)
{
	return bpf_skb_store_bytes(ctx, offset, from, bytes, BPF_F_RECOMPUTE_CSUM);
}

/* Cuts the frame off; offloads go. */
static __always_inline int ctx_resize(ctx_t *ctx, __u32 bytes)
{
	return bpf_skb_change_tail(ctx, bytes, 0);
}

/* Makes a frame so long whose content behind the Ethernet header will be written anew. */
static __always_inline int ctx_refit(ctx_t *ctx, __u32 bytes)
{
	return ctx_resize(ctx, bytes);
}

/* Room between the Ethernet header and what follows it. */
static __always_inline int ctx_make_room(ctx_t *ctx, int room)
{
	return bpf_skb_adjust_room(ctx, room, BPF_ADJ_ROOM_MAC, 0);
}

/* Takes an outer header off. The kernel finds out about another inner family from the flags, since 6.3. */
static __always_inline int ctx_shrink_head(ctx_t *ctx, int bytes, int outer6, int inner6)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (outer6 != inner6)
		flags |= inner6 ? BPF_F_ADJ_ROOM_DECAP_L3_IPV6 : BPF_F_ADJ_ROOM_DECAP_L3_IPV4;
	return bpf_skb_adjust_room(ctx, -bytes, BPF_ADJ_ROOM_MAC, flags);
}

/*
 * Makes an IPv4 packet an IPv6 one or the other way round, where what is behind the IP header and its
 * options or extension headers moves by grown bytes. The caller writes the new header. Super-packets
 * keep the size of their segments, and an unfinished checksum its place.
 */
static __always_inline int ctx_change_family(ctx_t *ctx, int to6, int grown)
{
	int headers = sizeof(struct ip6_header) - sizeof(struct ip4_header);
	int rest = to6 ? grown - headers : grown + headers;
	__be16 type = to6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);

	if (rest && bpf_skb_adjust_room(ctx, rest, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO))
		return -1;
	if (bpf_skb_change_proto(ctx, type, 0))
		return -1;
	return bpf_skb_store_bytes(ctx, __builtin_offsetof(struct eth_header, type), &type, sizeof(type),
				   0);
}

/* Writes a header that the frame has room for. */
static __always_inline int ctx_put(ctx_t *ctx, __u32 offset, const void *from, __u32 bytes)
{
	return ctx_store(ctx, offset, from, bytes);
}

/* Whether the kernel will finish the checksum at an offset. Such a checksum is left alone by the helper that
 * replaces words under it, which is how one can tell. */
static __always_inline int ctx_checksum_is_unfinished(ctx_t *ctx, __u32 offset)
{
	__u16 before = 0, after = 0;

	if (bpf_skb_load_bytes(ctx, offset, &before, sizeof(before)) ||
	    bpf_l4_csum_replace(ctx, offset, 0, 1, sizeof(before)) ||
	    bpf_skb_load_bytes(ctx, offset, &after, sizeof(after)))
		return 0;
	if (before == after)
		return 1;
	bpf_skb_store_bytes(ctx, offset, &before, sizeof(before), 0);
	return 0;
}

static __always_inline int ctx_send(ctx_t *ctx, struct packet *p, __u32 ifindex)
{
	p->verdict = bpf_redirect(ifindex, 0);
	return p->verdict == TC_ACT_REDIRECT ? 0 : -1;
}

static __always_inline int ctx_verdict(const struct packet *p, enum verdict verdict)
{
	if (verdict == VERDICT_DROP)
		return TC_ACT_SHOT;
	return verdict == VERDICT_SENT ? p->verdict : TC_ACT_UNSPEC;
}

#else

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline __u32 ctx_bytes(const ctx_t *ctx)
{
	return ctx_end(ctx) - ctx_data(ctx);
}

static __always_inline __u32 ctx_segment_bytes(const ctx_t *ctx, const struct packet *p)
{
	return p->total_bytes;
}

static __always_inline __u32 ctx_segments(const ctx_t *ctx)
{
	return 1;
}

static __always_inline int ctx_will_be_cut(const ctx_t *ctx)
{
	return 0;
}

static __always_inline int ctx_prepare(ctx_t *ctx)
{
	return 1;
}

/* The Ethernet header moves along: what stood at the start of the frame stands there afterwards only
 * in its addresses, which are written on sending, and its type, which the caller writes. */
static __always_inline int ctx_grow_head(ctx_t *ctx, int room, int outer6)
{
	return bpf_xdp_adjust_head(ctx, -room);
}

static __always_inline int ctx_grow_tunnel(ctx_t *ctx, int room, int outer6, __u8 tunnel)
{
	return bpf_xdp_adjust_head(ctx, -room);
}

static __always_inline int ctx_load(ctx_t *ctx, __u32 offset, void *to, __u32 bytes)
{
	return bpf_xdp_load_bytes(ctx, offset, to, bytes);
}

static __always_inline int ctx_store(ctx_t *ctx, __u32 offset, const void *from, __u32 bytes)
{
	return bpf_xdp_store_bytes(ctx, offset, from, bytes);
}

static __always_inline int ctx_replace(ctx_t *ctx, __u32 offset, const void *from, __u32 bytes)
{
	return bpf_xdp_store_bytes(ctx, offset, from, bytes);
}

static __always_inline int ctx_fix_tcp(ctx_t *ctx, const struct packet *p, __u64 changed)
{
	struct tcp_header *tcp = ctx_data(ctx) + (p->l4_offset & OFFSET_MASK);

	if ((void *)(tcp + 1) > ctx_end(ctx))
		return -1;
	tcp->checksum = csum_apply(tcp->checksum, changed);
	return 0;
}

static __always_inline int ctx_fix_echo(ctx_t *ctx, const struct packet *p, __u64 addresses, __u64 changed)
{
	__u32 offset = p->l4_offset + __builtin_offsetof(struct echo_header, checksum);
	__u16 checksum;

	if (bpf_xdp_load_bytes(ctx, offset, &checksum, sizeof(checksum)))
		return -1;
	checksum = csum_apply(checksum, addresses + changed);
	return bpf_xdp_store_bytes(ctx, offset, &checksum, sizeof(checksum));
}

static __always_inline int ctx_fix_grown(ctx_t *ctx, const struct packet *p, __u64 length, __u64 changed)
{
	return ctx_fix_tcp(ctx, p, length + changed);
}

static __always_inline int ctx_resize(ctx_t *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_tail(ctx, (int)bytes - (int)ctx_bytes(ctx));
}

/* Drivers promise room in front of a frame, and none behind it. */
static __always_inline int ctx_refit(ctx_t *ctx, __u32 bytes)
{
	int room = bytes - ctx_bytes(ctx);
	struct eth_header eth;

	if (room <= 0)
		return ctx_resize(ctx, bytes);
	return ctx_load(ctx, 0, &eth, sizeof(eth)) || bpf_xdp_adjust_head(ctx, -room) ||
	       ctx_store(ctx, 0, &eth, sizeof(eth));
}

/* The Ethernet header has to be written again: its type here, its addresses on sending. */
static __always_inline int ctx_make_room(ctx_t *ctx, int room)
{
	struct eth_header *eth = ctx_data(ctx);
	__be16 type;

	if ((void *)(eth + 1) > ctx_end(ctx))
		return -1;
	type = eth->type;
	if (bpf_xdp_adjust_head(ctx, -room))
		return -1;
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return -1;
	eth->type = type;
	return 0;
}

static __always_inline int ctx_shrink_head(ctx_t *ctx, int bytes, int outer6, int inner6)
{
	return bpf_xdp_adjust_head(ctx, bytes);
}

static __always_inline int ctx_change_family(ctx_t *ctx, int to6, int grown)
{
	struct eth_header *eth = ctx_data(ctx);
	struct macs macs;

	if ((void *)(eth + 1) > ctx_end(ctx))
		return -1;
	__builtin_memcpy(&macs, eth, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, -grown))
		return -1;
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) > ctx_end(ctx))
		return -1;
	__builtin_memcpy(eth, &macs, sizeof(macs));
	eth->type = to6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return 0;
}

static __always_inline int ctx_put(ctx_t *ctx, __u32 offset, const void *from, __u32 bytes)
{
	void *to = ctx_data(ctx) + offset;

	if (to + bytes > ctx_end(ctx))
		return -1;
	__builtin_memcpy(to, from, bytes);
	return 0;
}

static __always_inline int ctx_checksum_is_unfinished(ctx_t *ctx, __u32 offset)
{
	return 0;
}

/* Set when an interface is one end of a veth pair. XDP_TX does not wake its other end unless an XDP program
 * is there too; a redirect does, as soon as that end has GRO on. */
const volatile __u32 redirect_always = 0;

static __always_inline int ctx_send(ctx_t *ctx, struct packet *p, __u32 ifindex)
{
	if (!redirect_always && ifindex == p->ifindex) {
		p->verdict = XDP_TX;
		return 0;
	}
	p->verdict = bpf_redirect_map(&l4_tx, ifindex, 0);
	return p->verdict == XDP_REDIRECT ? 0 : -1;
}

static __always_inline int ctx_verdict(const struct packet *p, enum verdict verdict)
{
	if (verdict == VERDICT_DROP)
		return XDP_DROP;
	return verdict == VERDICT_SENT ? p->verdict : XDP_PASS;
}

#endif

#endif
