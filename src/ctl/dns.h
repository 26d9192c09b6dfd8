/* posthouse dns: its words, and what it knows of the records of our domains. */
#ifndef CTL_DNS_H
#define CTL_DNS_H

#include "base/arena.h"
#include "ctl/ctl.h"
#include "proto/tabline.h"

enum { DNS_WORLD_PATIENCE = 20000 /* ms */ };

/* How the world's answer compares. */
enum dns_state {
	DNS_RIGHT, DNS_MISSING,
	DNS_OTHER,			/* the world has it, and should not */
	DNS_UNKNOWN			/* no answer */
};

struct dns_row {
	struct span domain, owner, type, data;	/* data: as in a zone file */
	struct span reason;
	uint32_t ttl;
	bool is_optional;
	bool is_parents;		/* of the zone above: a DS */
	enum dns_state state;
};

struct dns_rows {
	struct arena arena;
	struct dns_row *row;
	size_t count, room;
};

/* As hostmaster and names have it: A-labels, without the last dot. */
const char *
dns_plain_name(struct arena *arena, const char *domain);

void
dns_rows_init(struct dns_rows *rows);
void
dns_rows_fini(struct dns_rows *rows);
/* Copies all it points to. */
void
dns_rows_add(struct dns_rows *rows, const struct dns_row *row);

/*
 * What our domains, or the one (NULL: all), need: hostmaster says it, or while
 * the system is stopped the configuration and the files do. A sentence is
 * printed on failure.
 */
int
dns_gather(struct ctl *ctl, const char *domain, struct dns_rows *rows);

/* The same as the world has it, past our own zones (dns_world.c): fills the
 * states, and adds what is there and should not be. */
int
dns_compare(const struct config *config, struct dns_rows *rows,
	struct error *error);

/* posthouse dns [DOMAIN] and its options. */
int
dns_records(struct ctl *ctl);

/* posthouse dns announce FILE: the certificate that is used next. */
int
dns_announce(struct ctl *ctl);

/* A row of KEY-LIST: is its DS the one that the parent is to have (RFC 7344 4)?
 * While a key follows another it is the next one's, as soon as all know it. */
bool
dns_key_is_wanted(const struct tabline *row);

/* Of those that the parents of the rows' domains are to have: adds them, type
 * DS. A sentence is printed on failure. */
int
dns_keys_gather(struct ctl *ctl, struct dns_rows *rows);

/* Keys of signed zones, asked from names (dns_keys.c). */
int
dns_keys(struct ctl *ctl);
int
dns_roll(struct ctl *ctl);
int
dns_told(struct ctl *ctl);

#endif
