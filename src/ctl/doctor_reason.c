/*
 * Whole sentences, with {1} to {4} for what differs; that may be a reason again.
 * N_ marks what is translated (gettext).
 */
#include "ctl/doctor_reason.h"

#include <string.h>

#define N_(text) text

enum { PLACES = 4, DEPTH = 3 };

static const char *const reasons[] = {
	/* our own, src/ctl and src/fetch */
	N_("no answer in time"),
	N_("the connection was closed"),
	N_("a line is too long"),
	N_("the host has no address"),
	N_("the name of the host could not be asked for"),
	N_("the answer has no status"),
	N_("no authorities are known here to verify with"),
	/* src/trust/mta_sts.c */
	N_("the policy is too large"),
	N_("the policy has a line that is no field"),
	N_("the policy is not of version STSv1"),
	N_("the policy has no mode that is known"),
	N_("the policy does not say how long it is good for"),
	N_("the policy names no hosts, or what is no host name"),
	/* strerror */
	N_("Connection refused"),
	N_("Connection reset by peer"),
	N_("Connection timed out"),
	N_("No route to host"),
	N_("Network is unreachable"),
	N_("Broken pipe"),
	/* libcurl */
	N_("Failed to connect to {1} port {2} after {3} ms: {4}"),
	N_("Couldn't connect to server"),
	N_("Could not connect to server"),
	N_("Connection timeout after {1} ms"),
	N_("Connection timed out after {1} milliseconds"),
	N_("Operation timed out after {1} milliseconds with {2} bytes received"),
	N_("SSL certificate problem: {1}"),
	N_("SSL: no alternative certificate subject name matches target host name '{1}'"),
	N_("SSL connection timeout"),
	N_("Empty reply from server"),
	N_("Recv failure: {1}"),
	/* OpenSSL: certificates, then connections */
	N_("unable to get local issuer certificate"),
	N_("unable to get issuer certificate"),
	N_("unable to verify the first certificate"),
	N_("self-signed certificate"),
	N_("self-signed certificate in certificate chain"),
	N_("certificate has expired"),
	N_("certificate is not yet valid"),
	N_("certificate signature failure"),
	N_("hostname mismatch"),
	N_("wrong version number"),
	N_("unexpected eof while reading"),
	N_("certificate verify failed"),
	N_("no shared cipher"),
};

/* A place of a sentence: 1 to PLACES; 0: none begins here. */
static size_t
place_at(const char *at)
{
	return at[0] == '{' && at[1] >= '1' && at[1] < '1' + PLACES &&
		at[2] == '}' ? (size_t)(at[1] - '0') : 0;
}

/* What stands up to the next place. */
static struct span
words_at(const char *at)
{
	size_t size = 0;
	while (at[size] != '\0' && place_at(at + size) == 0)
		size++;
	return span_of(at, size);
}

/* Is it that sentence? Then what stands at its places. */
static bool
is_sentence(const char *sentence, struct span reason,
	struct span found[PLACES])
{
	struct span words = words_at(sentence);
	if (!span_starts(reason, words))
		return false;
	reason = span_skip(reason, words.size);
	for (const char *at = sentence + words.size; *at != '\0';
	    at += 3 + words.size) {
		words = words_at(at + 3);
		size_t size = words.size == 0 ? reason.size :
			span_search(reason, words);
		if (size + words.size > reason.size)
			return false;
		found[place_at(at) - 1] = span_first(reason, size);
		reason = span_skip(reason, size + words.size);
	}
	return reason.size == 0;
}

static void
add_to(struct buffer *out, struct span reason,
	doctor_translate_function *translate, unsigned depth)
{
	struct span found[PLACES] = { { .size = 0 } };
	size_t i = 0;
	const size_t count = sizeof(reasons) / sizeof(reasons[0]);
	while (i < count && !is_sentence(reasons[i], reason, found))
		i++;
	if (i == count || depth == 0) {
		buffer_add(out, reason);
		return;
	}
	for (const char *at = translate(reasons[i]); *at != '\0';) {
		size_t place = place_at(at);
		if (place > 0)
			add_to(out, found[place - 1], translate, depth - 1);
		else
			buffer_add_byte(out, *at);
		at += place > 0 ? 3 : 1;
	}
}

void
doctor_reason_add(struct buffer *out, struct span reason,
	doctor_translate_function *translate)
{
	add_to(out, reason, translate, DEPTH);
}
