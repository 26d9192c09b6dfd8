#include "trust/dane.h"

enum {
	USAGE_TA = 2, USAGE_EE = 3,
	MATCHING_ALL = 0, MATCHING_SHA256 = 1, MATCHING_SHA512 = 2,
};

size_t
dane_bases(const struct dane_host *host, struct span bases[DANE_BASES])
{
	size_t count = 0;
	bool is_alias = !span_equals_nocase(host->name, host->canonical);
	/* 2.2.2: no addresses, or those of an unsigned zone: whoever serves
	 * that zone may not even know what TLSA is, so it is not asked */
	if (host->addresses == DANE_FAILED)
		return 0;
	if (host->addresses == DANE_SECURE) {
		if (is_alias)
			bases[count++] = host->canonical;
		bases[count++] = host->name;
		return count;
	}
	/* 2.2.2: a secure alias to an insecure place keeps its own records */
	if (is_alias && host->alias == DANE_SECURE)
		bases[count++] = host->name;
	return count;
}

struct span
dane_question(struct arena *arena, struct span base, uint16_t port)
{
	return arena_print(arena, "_%u._tcp.%.*s", port, SPAN_PRINT(base));
}

/*
 * 3.1.3: PKIX-TA and PKIX-EE are unusable in SMTP. What is unknown or cannot
 * be the digest it claims to be is unusable (RFC 7671 4.3, RFC 6698 4.1).
 */
static bool
is_usable(const struct tls_tlsa *record)
{
	size_t size = record->data.size;
	if ((record->usage != USAGE_TA && record->usage != USAGE_EE) ||
	    record->selector > 1)
		return false;
	switch (record->matching) {
	case MATCHING_ALL:
		return size > 0 && size <= TLSWIRE_TLSA_SIZE;
	case MATCHING_SHA256:
		return size == 32;
	case MATCHING_SHA512:
		return size == 64;
	default:
		return false;
	}
}

enum dane_verdict
dane_judge(const struct dane_answer *answer, struct arena *arena,
	const struct tls_tlsa **records, size_t *count)
{
	size_t total = 0;
	*records = NULL;
	*count = 0;
	/* 2.1.1: whoever can make a lookup fail must not get plain text */
	if (answer->security == DANE_FAILED)
		return DANE_LATER;
	if (answer->security != DANE_SECURE || answer->count == 0)
		return DANE_NOT;
	struct tls_tlsa *usable = arena_new_array(arena, TLSWIRE_TLSA,
		sizeof(*usable));
	for (size_t i = 0; i < answer->count && *count < TLSWIRE_TLSA; i++) {
		const struct tls_tlsa *record = &answer->records[i];
		if (!is_usable(record) ||
		    record->data.size > TLSWIRE_TLSA_TOTAL - total)
			continue;
		total += record->data.size;
		usable[(*count)++] = *record;
	}
	*records = usable;
	return *count > 0 ? DANE_VERIFY : DANE_ENCRYPT;
}

static void
add_name(struct span name, struct span names[DANE_NAMES], size_t *count)
{
	if (!tlswire_name_is_valid(name))
		return;
	for (size_t i = 0; i < *count; i++)
		if (span_equals_nocase(names[i], name))
			return;
	names[(*count)++] = name;
}

size_t
dane_names(struct span base, struct span next_hop, struct span next_canonical,
	struct span names[DANE_NAMES])
{
	size_t count = 0;
	add_name(base, names, &count);
	add_name(next_hop, names, &count);
	add_name(next_canonical, names, &count);
	return count;
}
