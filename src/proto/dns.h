/*
 * DNS messages (RFC 1035 4, EDNS of RFC 6891, errors of RFC 8914): reading
 * what strangers wrote, and writing. For `names`, which answers, and for those
 * who ask it. No zone files, no signatures: the resolver library does those.
 *
 * Names are held as on the wire without compression: labels with their
 * lengths, the empty one last, at most 255 octets.
 */
#ifndef PROTO_DNS_H
#define PROTO_DNS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/network.h"

enum {
	DNS_HEADER_SIZE = 12,
	DNS_MESSAGE_LIMIT = 65535,
	DNS_NAME_LIMIT = 255, DNS_LABEL_LIMIT = 63,	/* RFC 1035 2.3.4 */
	DNS_TEXT_SIZE = 1024,		/* room for any name as text */
	DNS_UDP_LEAST = 512, DNS_UDP_MOST = 1232,	/* RFC 1035 4.2.1; what
				 * no path cuts into fragments */
	DNS_LEAST = 64,			/* a header, and some room */
};

enum {	/* the second 16 bits of a message */
	DNS_FLAG_RESPONSE = 0x8000, DNS_FLAG_OPCODE = 0x7800,
	DNS_FLAG_AUTHORITATIVE = 0x0400, DNS_FLAG_TRUNCATED = 0x0200,
	DNS_FLAG_RECURSION_DESIRED = 0x0100,
	DNS_FLAG_RECURSION_AVAILABLE = 0x0080,
	DNS_FLAG_AUTHENTIC = 0x0020, DNS_FLAG_CHECKING_DISABLED = 0x0010,
	DNS_FLAG_RCODE = 0x000f,
};

enum dns_rcode {
	DNS_NO_ERROR, DNS_FORMAT_ERROR, DNS_SERVER_FAILURE, DNS_NO_SUCH_NAME,
	DNS_NOT_IMPLEMENTED, DNS_REFUSED, DNS_BAD_VERSION = 16,
	DNS_NOT_AUTHORITATIVE = 9, DNS_BAD_COOKIE = 23,
};

enum {
	DNS_TYPE_A = 1, DNS_TYPE_NS = 2, DNS_TYPE_CNAME = 5, DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12, DNS_TYPE_MX = 15, DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28, DNS_TYPE_DNAME = 39, DNS_TYPE_OPT = 41,
	DNS_TYPE_RRSIG = 46, DNS_TYPE_NSEC = 47, DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_DS = 43, DNS_TYPE_NSEC3 = 50, DNS_TYPE_NSEC3PARAM = 51,
	DNS_TYPE_TLSA = 52, DNS_TYPE_CDS = 59, DNS_TYPE_CDNSKEY = 60,
	DNS_TYPE_FIRST_META = 249, DNS_TYPE_LAST_META = 254,	/* TKEY to MAILA */
	DNS_TYPE_ANY = 255, DNS_CLASS_IN = 1,
};

struct dns_name {
	uint8_t size;			/* at least 1, the root */
	uint8_t bytes[DNS_NAME_LIMIT];
};

/* Text with or without the last dot, \DDD and \X understood (RFC 1035 5.1).
 * False when it is no name: a label empty or over 63, more than 255. */
bool
dns_name_from_text(struct span text, struct dns_name *name);

/* Lower case, without the last dot, the root empty; bytes that no host name
 * has (and dots inside of labels) as \DDD. NUL-terminated; its length. */
size_t
dns_name_to_text(const struct dns_name *name, char out[DNS_TEXT_SIZE]);

/* ASCII case does not count (RFC 4343). */
bool
dns_name_equals(const struct dns_name *a, const struct dns_name *b);

/* Is it the domain or below it? */
bool
dns_name_is_below(const struct dns_name *name, const struct dns_name *domain);

/* ---- reading ---- */

enum dns_section {
	DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS
};

struct dns_header {
	uint16_t id, flags, count[DNS_SECTIONS];
};

struct dns_question {
	struct dns_name name;
	uint16_t type, class;
};

struct dns_record {
	enum dns_section section;
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t data, size;	/* where its RDATA stands in the message */
};

struct dns_reader {
	struct span message;
	struct dns_header header;
	size_t offset;
	enum dns_section section;	/* being read */
	unsigned left;			/* of it */
	bool is_malformed;
};

/* False when there is not even a header. The message is borrowed. */
bool
dns_read(struct dns_reader *reader, struct span message);

/* False after the last one of its section, or when the message is malformed
 * (then for ever). Questions come first, then records. */
bool
dns_read_question(struct dns_reader *reader, struct dns_question *question);
bool
dns_read_record(struct dns_reader *reader, struct dns_record *record);

/*
 * A name that may be compressed, at *offset, which moves behind it. False when
 * it is malformed; a pointer leads only to what stands before it, so that no
 * message keeps a reader going round.
 */
bool
dns_read_name(struct span message, size_t *offset, struct dns_name *name);

/* The data of a record. False: it is not what its type says. */
bool
dns_data_address(struct span message, const struct dns_record *record,
	struct network_address *address);
/* The only name of CNAME, DNAME, NS and PTR, or the one of MX (skip 2). */
bool
dns_data_name(struct span message, const struct dns_record *record,
	size_t skip, struct dns_name *name);
/* The strings of TXT joined, at most `limit` bytes. */
bool
dns_data_text(struct span message, const struct dns_record *record,
	size_t limit, struct buffer *out);
/* How long a "no" is good for (RFC 2308 5). */
bool
dns_data_soa_ttl(struct span message, const struct dns_record *record,
	uint32_t *ttl);
/* RDATA as it stands. */
struct span
dns_data(struct span message, const struct dns_record *record);

enum { DNS_NO_ERROR_CODE = -1, DNS_ERROR_OTHER = 0, DNS_ERROR_BOGUS = 6,
	DNS_ERROR_UNREACHABLE = 22 };	/* RFC 8914 4 */

struct dns_edns {
	bool is_present;
	bool is_dnssec_wanted;		/* DO, RFC 3225 */
	uint8_t version, rcode;		/* upper bits */
	uint16_t udp_size;
	int error;			/* RFC 8914, or DNS_NO_ERROR_CODE */
	struct span text;		/* of it; what strangers chose */
	struct span cookie;		/* RFC 7873; empty: none */
	bool is_malformed;		/* its options are */
};

/* From an OPT record. */
void
dns_data_edns(struct span message, const struct dns_record *record,
	struct dns_edns *edns);

/* ---- writing ---- */

struct dns_writer {
	struct buffer *out;
	size_t start;			/* of the message in it */
	size_t limit;			/* octets of it */
	struct dns_header header;	/* written at the end */
	struct dns_name owner;		/* the last one written whole */
	size_t owner_at;		/* 0: none */
	bool is_full;			/* something did not fit */
};

/* Begins a message behind what is in `out`, at most `limit` octets long, and that
 * DNS_LEAST at least. */
void
dns_write(struct dns_writer *writer, struct buffer *out, size_t limit,
	uint16_t id, uint16_t flags);

void
dns_write_question(struct dns_writer *writer,
	const struct dns_question *question);

/* What does not fit is left out whole and remembered. */
void
dns_write_record(struct dns_writer *writer, struct span message,
	const struct dns_record *record);
void
dns_write_edns(struct dns_writer *writer, const struct dns_edns *edns);

/* Puts the header in its place. */
void
dns_write_end(struct dns_writer *writer);

#endif
