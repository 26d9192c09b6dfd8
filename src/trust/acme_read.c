#include "trust/acme_read.h"

#include <jansson.h>

#include "proto/date.h"
#include "proto/tlswire.h"
#include "trust/jws.h"

static const char *const status_names[ACME_STATUSES] = {
	[ACME_PENDING] = "pending",
	[ACME_READY] = "ready",
	[ACME_PROCESSING] = "processing",
	[ACME_VALID] = "valid",
	[ACME_INVALID] = "invalid",
	[ACME_DEACTIVATED] = "deactivated",
	[ACME_EXPIRED] = "expired",
	[ACME_REVOKED] = "revoked",
};

static const char *const challenge_names[ACME_CHALLENGE_TYPES] = {
	[ACME_HTTP_01] = "http-01",
	[ACME_TLS_ALPN_01] = "tls-alpn-01",
	[ACME_DNS_01] = "dns-01",
};

/* RFC 8555 6.7, RFC 9773 7.4. */
static const char *const trouble_names[ACME_TROUBLES] = {
	[ACME_BAD_NONCE] = "badNonce",
	[ACME_RATE_LIMITED] = "rateLimited",
	[ACME_NO_ACCOUNT] = "accountDoesNotExist",
	[ACME_UNAUTHORIZED] = "unauthorized",
	[ACME_USER_ACTION] = "userActionRequired",
	[ACME_EXTERNAL_ACCOUNT] = "externalAccountRequired",
	[ACME_ALREADY_REPLACED] = "alreadyReplaced",
	[ACME_REJECTED_NAME] = "rejectedIdentifier",
};

const char *
acme_status_name(enum acme_status status)
{
	return status_names[status];
}

const char *
acme_challenge_name(enum acme_challenge_type type)
{
	return challenge_names[type];
}

bool
acme_challenge_find(struct span name, enum acme_challenge_type *type)
{
	for (unsigned i = 0; i < ACME_CHALLENGE_TYPES; i++)
		if (span_equals(name, span_from(challenge_names[i]))) {
			*type = (enum acme_challenge_type)i;
			return true;
		}
	return false;
}

/* ---- JSON ---- */

/* The library's own limit of depth is for its stack, not for ours. */
static bool
is_shallow(struct span text)
{
	size_t depth = 0;
	bool is_string = false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (is_string && c == '\\')
			i++;
		else if (c == '"')
			is_string = !is_string;
		else if (!is_string && (c == '{' || c == '['))
			depth++;
		else if (!is_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > ACME_DEPTH_LIMIT)
			return false;
	}
	return true;
}

/* An object, or NULL; the caller's. */
static json_t *
read_object(struct span text)
{
	if (text.size > ACME_DOCUMENT_LIMIT || !is_shallow(text))
		return NULL;
	json_t *read = json_loadb(text.data == NULL ? "" : text.data,
		text.size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(read))
		return read;
	json_decref(read);
	return NULL;
}

/* Empty when it is absent or no string. */
static struct span
text_of(const json_t *value)
{
	return json_is_string(value) ? span_of(json_string_value(value),
		json_string_length(value)) : (struct span){ NULL, 0 };
}

static struct span
member(const json_t *object, const char *key)
{
	return text_of(json_object_get(object, key));
}

static bool
take_url(const json_t *value, struct arena *arena, struct span *url)
{
	struct span text = text_of(value);
	if (!jws_is_url(text))
		return false;
	*url = arena_copy(arena, text);
	return true;
}

/* Absent is fine, and another thing is not. */
static bool
take_optional_url(const json_t *object, const char *key, struct arena *arena,
	struct span *url)
{
	const json_t *value = json_object_get(object, key);
	*url = (struct span){ NULL, 0 };
	return value == NULL || take_url(value, arena, url);
}

static bool
take_status(const json_t *object, enum acme_status *status)
{
	struct span text = member(object, "status");
	for (unsigned i = 0; i < ACME_STATUSES; i++)
		if (span_equals(text, span_from(status_names[i]))) {
			*status = (enum acme_status)i;
			return true;
		}
	return false;
}

/* ---- problems ---- */

/* Their sentence goes into our log and onto terminals: visible ASCII only. */
static struct span
visible(struct span text, struct arena *arena)
{
	struct span cut = span_first(text, ACME_DETAIL_LIMIT);
	char *copy = arena_copy_string(arena, cut);
	for (size_t i = 0; i < cut.size; i++)
		if (copy[i] < ' ' || copy[i] > '~')
			copy[i] = '?';
	return span_of(copy, cut.size);
}

static void
take_problem(const json_t *object, struct arena *arena,
	struct acme_problem *problem)
{
	struct span urn = SPAN("urn:ietf:params:acme:error:");
	struct span type = member(object, "type");
	*problem = (struct acme_problem){ .trouble = ACME_OTHER };
	problem->detail = visible(member(object, "detail"), arena);
	if (!span_starts(type, urn))
		return;
	type = span_skip(type, urn.size);
	problem->type = visible(type, arena);
	for (unsigned i = ACME_NO_TROUBLE + 1; i < ACME_OTHER; i++)
		if (span_equals(type, span_from(trouble_names[i])))
			problem->trouble = (enum acme_trouble)i;
}

void
acme_read_problem(struct span text, struct arena *arena,
	struct acme_problem *problem)
{
	json_t *read = read_object(text);
	take_problem(read, arena, problem);
	json_decref(read);
}

/* The member `error` of an order or a challenge. */
static void
take_error(const json_t *object, struct arena *arena,
	struct acme_problem *problem)
{
	const json_t *error = json_object_get(object, "error");
	*problem = (struct acme_problem){ .trouble = ACME_NO_TROUBLE };
	if (json_is_object(error))
		take_problem(error, arena, problem);
}

/* ---- documents ---- */

bool
acme_read_directory(struct span text, struct arena *arena,
	struct acme_directory *directory)
{
	json_t *read = read_object(text);
	*directory = (struct acme_directory){ 0 };
	bool ok = read != NULL &&
		take_url(json_object_get(read, "newNonce"), arena,
			&directory->new_nonce) &&
		take_url(json_object_get(read, "newAccount"), arena,
			&directory->new_account) &&
		take_url(json_object_get(read, "newOrder"), arena,
			&directory->new_order) &&
		take_optional_url(read, "renewalInfo", arena,
			&directory->renewal_info);
	directory->wants_external_account = ok && json_is_true(json_object_get(
		json_object_get(read, "meta"), "externalAccountRequired"));
	json_decref(read);
	return ok;
}

bool
acme_read_account(struct span text, enum acme_status *status)
{
	json_t *read = read_object(text);
	bool ok = read != NULL && take_status(read, status);
	json_decref(read);
	return ok;
}

static bool
take_authorizations(const json_t *list, struct arena *arena,
	struct acme_order *order)
{
	size_t count = json_array_size(list);
	if (count == 0 || count > ACME_NAMES)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_url(json_array_get(list, i), arena,
		    &order->authorizations[i]))
			return false;
	order->count = count;
	return true;
}

bool
acme_read_order(struct span text, struct arena *arena,
	struct acme_order *order)
{
	json_t *read = read_object(text);
	*order = (struct acme_order){ 0 };
	bool ok = read != NULL && take_status(read, &order->status) &&
		take_url(json_object_get(read, "finalize"), arena,
			&order->finalize) &&
		take_optional_url(read, "certificate", arena,
			&order->certificate) &&
		take_authorizations(json_object_get(read, "authorizations"),
			arena, order) &&
		(order->status != ACME_VALID || order->certificate.size > 0);
	if (ok)
		take_error(read, arena, &order->problem);
	json_decref(read);
	return ok;
}

/* 8.1: the token becomes a path and a record, so its alphabet is looked at. */
static bool
take_challenge(const json_t *object, struct arena *arena,
	struct acme_challenge *challenge)
{
	struct span token = member(object, "token");
	*challenge = (struct acme_challenge){ 0 };
	if (!acme_challenge_find(member(object, "type"), &challenge->type) ||
	    !take_status(object, &challenge->status) ||
	    !take_url(json_object_get(object, "url"), arena, &challenge->url) ||
	    !jws_is_base64url(token) || token.size < ACME_TOKEN_LEAST ||
	    token.size > ACME_TOKEN_LIMIT)
		return false;
	challenge->token = arena_copy(arena, token);
	take_error(object, arena, &challenge->problem);
	return true;
}

bool
acme_read_challenge(struct span text, struct arena *arena,
	struct acme_challenge *challenge)
{
	json_t *read = read_object(text);
	bool ok = read != NULL && take_challenge(read, arena, challenge);
	json_decref(read);
	return ok;
}

static void
take_challenges(const json_t *list, struct arena *arena,
	struct acme_authorization *authorization)
{
	for (size_t i = 0; i < json_array_size(list) &&
	    authorization->count < ACME_CHALLENGES; i++)
		authorization->count += take_challenge(json_array_get(list, i),
			arena, &authorization->challenges[authorization->count]);
}

bool
acme_read_authorization(struct span text, struct arena *arena,
	struct acme_authorization *authorization)
{
	json_t *read = read_object(text);
	const json_t *identifier = json_object_get(read, "identifier");
	struct span name = member(identifier, "value");
	*authorization = (struct acme_authorization){ 0 };
	bool ok = read != NULL && take_status(read, &authorization->status) &&
		span_equals(member(identifier, "type"), SPAN("dns")) &&
		tlswire_name_is_valid(name);
	if (ok) {
		authorization->name = arena_copy_lower(arena, name);
		take_challenges(json_object_get(read, "challenges"), arena,
			authorization);
	}
	json_decref(read);
	return ok;
}

/* ---- time ---- */

/* Days since 1970 of a date in the Gregorian calendar, by counting years that
 * begin in March. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
		day - 1;
	return year * 365 + year / 4 - year / 100 + year / 400 + of_year -
		719468;
}

/* `digits` digits off the front, and the byte behind them. */
static bool
take_digits(struct span *rest, size_t digits, char behind, uint64_t most,
	int64_t *number)
{
	uint64_t value;
	if (rest->size < digits + (behind != '\0') ||
	    !span_to_number(span_first(*rest, digits), most, &value) ||
	    (behind != '\0' && span_lower_byte(rest->data[digits]) != behind))
		return false;
	*rest = span_skip(*rest, digits + (behind != '\0'));
	*number = (int64_t)value;
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm", as minutes. */
static bool
take_zone(struct span rest, int64_t *minutes)
{
	int64_t hour, minute;
	*minutes = 0;
	if (span_equals_nocase(rest, SPAN("z")))
		return true;
	if (rest.size != 6 || (rest.data[0] != '+' && rest.data[0] != '-'))
		return false;
	int64_t sign = rest.data[0] == '-' ? -1 : 1;
	rest = span_skip(rest, 1);
	if (!take_digits(&rest, 2, ':', 23, &hour) ||
	    !take_digits(&rest, 2, '\0', 59, &minute))
		return false;
	*minutes = sign * (hour * 60 + minute);
	return true;
}

bool
acme_read_time(struct span text, int64_t *wall)
{
	int64_t year, month, day, hour, minute, second, zone;
	struct span rest = text;
	if (!take_digits(&rest, 4, '-', 9999, &year) ||
	    !take_digits(&rest, 2, '-', 12, &month) || month == 0 ||
	    !take_digits(&rest, 2, 't', 31, &day) || day == 0 ||
	    !take_digits(&rest, 2, ':', 23, &hour) ||
	    !take_digits(&rest, 2, ':', 59, &minute) ||
	    !take_digits(&rest, 2, '\0', 60, &second))
		return false;
	if (rest.size > 0 && rest.data[0] == '.')
		do
			rest = span_skip(rest, 1);
		while (rest.size > 0 && rest.data[0] >= '0' &&
			rest.data[0] <= '9');
	if (!take_zone(rest, &zone))
		return false;
	*wall = (((days_of(year, month, day) * 24 + hour) * 60 + minute -
		zone) * 60 + second) * 1000;
	return true;
}

bool
acme_read_window(struct span text, struct acme_window *window)
{
	json_t *read = read_object(text);
	const json_t *suggested = json_object_get(read, "suggestedWindow");
	bool ok = acme_read_time(member(suggested, "start"), &window->start) &&
		acme_read_time(member(suggested, "end"), &window->end) &&
		window->start < window->end;
	json_decref(read);
	return ok;
}

int64_t
acme_read_retry_after(struct span text, int64_t now, int64_t most)
{
	uint64_t seconds;
	int64_t date;
	int zone;
	int64_t wait = 0;
	if (span_to_number(text, UINT32_MAX, &seconds))
		wait = (int64_t)seconds * 1000;
	else if (text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9')
		wait = most;		/* a number beyond all numbers */
	else if (text.size > 0 && date_parse_header(text, &date, &zone))
		wait = date * 1000 - now;
	return wait < 0 ? 0 : wait > most ? most : wait;
}
