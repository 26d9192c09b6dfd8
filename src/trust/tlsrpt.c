#include "trust/tlsrpt.h"

struct span
tlsrpt_question(struct arena *arena, struct span domain)
{
	return arena_print(arena, "_smtp._tls.%.*s", SPAN_PRINT(domain));
}

/* ---- the record ---- */

static bool
is_ours(struct span txt, struct span *rest)
{
	struct span version = SPAN("v=TLSRPTv1");
	if (!span_starts(txt, version))
		return false;
	*rest = span_trim(span_skip(txt, version.size));
	if (rest->size == 0 || rest->data[0] != ';')
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

/* RFC 3986: visible ASCII; "!" and what delimits here stands escaped (3). */
static bool
is_address(struct span s)
{
	bool is_known = span_starts_nocase(s, SPAN("mailto:")) ||
		span_starts_nocase(s, SPAN("https://"));
	for (size_t i = 0; i < s.size; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == '!' ||
		    s.data[i] == '"' || s.data[i] == '<' || s.data[i] == '>')
			return false;
	return is_known && s.size <= TLSRPT_ADDRESS_SIZE;
}

static void
take_addresses(struct span list, struct tlsrpt_record *record)
{
	struct span item;
	while (record->count < TLSRPT_ADDRESSES &&
	    span_split(&list, ',', &item)) {
		item = span_trim(item);
		if (is_address(item))
			record->address[record->count++] = item;
	}
}

bool
tlsrpt_find_record(const struct span *txt, size_t count,
	struct tlsrpt_record *record)
{
	struct span rest, field, fields = { NULL, 0 };
	size_t found = 0;
	*record = (struct tlsrpt_record){ 0 };
	for (size_t i = 0; i < count; i++) {
		if (!is_ours(txt[i], &rest))
			continue;
		found++;
		fields = rest;
	}
	/* 3: with several there is none */
	if (found != 1)
		return false;
	while (span_split(&fields, ';', &field)) {
		field = span_trim(field);
		if (record->count == 0 && span_starts(field, SPAN("rua=")))
			take_addresses(span_skip(field, 4), record);
	}
	return record->count > 0;
}

static bool
take_escape(struct span s, size_t at, char *c)
{
	uint8_t byte;
	if (s.size - at < 3 ||
	    !span_to_hex_bytes(span_first(span_skip(s, at + 1), 2), &byte, 1))
		return false;
	*c = (char)byte;
	return true;
}

bool
tlsrpt_mailbox(struct span address, struct arena *arena, struct span *mailbox)
{
	struct span scheme = SPAN("mailto:");
	size_t at = 0, size = 0;
	if (!span_starts_nocase(address, scheme))
		return false;
	struct span in = span_skip(address, scheme.size);
	in = span_first(in, span_find(in, '?'));
	char *out = arena_new(arena, in.size + 1);
	while (at < in.size) {
		char c = in.data[at];
		if (c == '%' && !take_escape(in, at, &c))
			return false;
		at += in.data[at] == '%' ? 3 : 1;
		/* it goes into an envelope: nothing that could end a command */
		if (c <= ' ' || c > '~' || c == '<' || c == '>')
			return false;
		out[size++] = c;
	}
	*mailbox = span_of(out, size);
	size_t sign = span_find(*mailbox, '@');
	return sign > 0 && sign + 1 < size;
}

/* ---- results ---- */

static const char *const result_names[TLSRPT_RESULTS] = {
	[TLSRPT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
	[TLSRPT_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
	[TLSRPT_CERTIFICATE_EXPIRED] = "certificate-expired",
	[TLSRPT_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
	[TLSRPT_VALIDATION_FAILURE] = "validation-failure",
	[TLSRPT_TLSA_INVALID] = "tlsa-invalid",
	[TLSRPT_DNSSEC_INVALID] = "dnssec-invalid",
	[TLSRPT_DANE_REQUIRED] = "dane-required",
	[TLSRPT_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
	[TLSRPT_STS_POLICY_INVALID] = "sts-policy-invalid",
	[TLSRPT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
};

const char *
tlsrpt_result_name(enum tlsrpt_result result)
{
	return result_names[result];
}

bool
tlsrpt_result_find(struct span name, enum tlsrpt_result *result)
{
	for (size_t i = 0; i < TLSRPT_RESULTS; i++)
		if (span_equals(name, span_from(result_names[i]))) {
			*result = (enum tlsrpt_result)i;
			return true;
		}
	return false;
}

enum tlsrpt_result
tlsrpt_result_of(enum tls_problem problem)
{
	switch (problem) {
	case TLS_PROBLEM_NAME:
		return TLSRPT_CERTIFICATE_HOST_MISMATCH;
	case TLS_PROBLEM_EXPIRED:
		return TLSRPT_CERTIFICATE_EXPIRED;
	case TLS_PROBLEM_NOT_TRUSTED:
		return TLSRPT_CERTIFICATE_NOT_TRUSTED;
	default:	/* 4.3.2.3 leaves all others to the general one; 4.3.1:
			 * a TLSA record that does not match is no invalid one */
		return TLSRPT_VALIDATION_FAILURE;
	}
}
