#include "trust/mta_sts.h"

#include "proto/tabline.h"
#include "proto/tlswire.h"

enum {
	MAX_AGE_DIGITS = 10,		/* 3.2 */
	FIELD_NAME_SIZE = 32,		/* 3.1, 3.2: of extensions */
	DAY = 86400000,			/* ms */
};

static bool
is_alphanumeric(char c)
{
	c = span_lower_byte(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
is_alphanumeric_only(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!is_alphanumeric(s.data[i]))
			return false;
	return true;
}

/* sts-ext-name, of a record and of a policy alike. */
static bool
is_field_name(struct span s)
{
	if (s.size == 0 || s.size > FIELD_NAME_SIZE || !is_alphanumeric(s.data[0]))
		return false;
	for (size_t i = 0; i < s.size; i++)
		if (!is_alphanumeric(s.data[i]) && s.data[i] != '_' &&
		    s.data[i] != '-' && s.data[i] != '.')
			return false;
	return true;
}

/* White space of the grammars: blanks and tabs. */
static struct span
trim_blanks(struct span s)
{
	while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = span_skip(s, 1);
	while (s.size > 0 && (s.data[s.size - 1] == ' ' ||
	    s.data[s.size - 1] == '\t'))
		s.size--;
	return s;
}

/* ---- the record ---- */

struct span
mta_sts_question(struct arena *arena, struct span domain)
{
	return arena_print(arena, "_mta-sts.%.*s", SPAN_PRINT(domain));
}

struct span
mta_sts_url(struct arena *arena, struct span domain)
{
	return arena_print(arena,
		"https://mta-sts.%.*s/.well-known/mta-sts.txt",
		SPAN_PRINT(domain));
}

/* Visible bytes but "=" and ";". */
static bool
is_extension_value(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == '=' ||
		    s.data[i] == ';')
			return false;
	return s.size > 0;
}

/* What stands behind "v=STSv1;". */
static bool
parse_fields(struct span rest, struct span *id)
{
	struct span field;
	*id = (struct span){ NULL, 0 };
	while (span_split(&rest, ';', &field)) {
		field = trim_blanks(field);
		if (field.size == 0 && rest.data == NULL)
			break;		/* a delimiter may end it */
		size_t equals = span_find(field, '=');
		struct span name = span_first(field, equals);
		struct span value = span_skip(field, equals + 1);
		if (!is_field_name(name) || !is_extension_value(value))
			return false;
		if (!span_equals(name, SPAN("id")) || id->data != NULL)
			continue;
		if (value.size > MTA_STS_ID_SIZE || !is_alphanumeric_only(value))
			return false;
		*id = value;
	}
	return id->data != NULL;
}

/* 3.1: the version stands first and is what tells the records apart. */
static bool
is_ours(struct span txt, struct span *rest)
{
	struct span version = SPAN("v=STSv1");
	if (!span_starts(txt, version))
		return false;
	*rest = trim_blanks(span_skip(txt, version.size));
	if (rest->size == 0 || rest->data[0] != ';')
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

bool
mta_sts_find_id(const struct span *txt, size_t count, struct span *id)
{
	struct span rest, fields = { NULL, 0 };
	size_t found = 0;
	*id = (struct span){ NULL, 0 };
	for (size_t i = 0; i < count; i++) {
		if (!is_ours(txt[i], &rest))
			continue;
		found++;
		fields = rest;
	}
	/* 3.1: with several there is no policy */
	return found == 1 && parse_fields(fields, id);
}

bool
mta_sts_is_media_type(struct span type)
{
	return span_equals_nocase(span_trim(span_first(type,
		span_find(type, ';'))), SPAN("text/plain"));
}

/* ---- the policy ---- */

/* Only the first of a name counts, but for mx (3.2). */
struct reading {
	struct mta_sts_policy *policy;
	struct span *mx;
	bool has_version, has_mode, has_max_age;
};

static const struct {
	const char *name;
	enum mta_sts_mode mode;
} modes[] = {
	{ "none", MTA_STS_NONE },
	{ "testing", MTA_STS_TESTING },
	{ "enforce", MTA_STS_ENFORCE },
};

static bool
find_mode(struct span name, enum mta_sts_mode *mode)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (span_equals(span_from(modes[i].name), name)) {
			*mode = modes[i].mode;
			return true;
		}
	return false;
}

const char *
mta_sts_mode_name(enum mta_sts_mode mode)
{
	return modes[mode].name;
}

/* "mx.example.com" or "*.example.com". */
static bool
is_pattern(struct span s)
{
	if (span_starts(s, SPAN("*.")))
		s = span_skip(s, 2);
	return tlswire_name_is_valid(s);
}

static enum mta_sts_verdict
take_mx(struct reading *reading, struct span value)
{
	struct mta_sts_policy *policy = reading->policy;
	if (policy->mx_count == MTA_STS_MX_LIMIT || !is_pattern(value))
		return MTA_STS_BAD_MX;
	reading->mx[policy->mx_count++] = value;
	return MTA_STS_OK;
}

static enum mta_sts_verdict
take_max_age(struct reading *reading, struct span value)
{
	uint64_t seconds;
	if (value.size > MAX_AGE_DIGITS ||
	    !span_to_number(value, UINT64_MAX, &seconds))
		return MTA_STS_BAD_MAX_AGE;
	reading->policy->max_age = seconds > MTA_STS_MAX_AGE ?
		MTA_STS_MAX_AGE : (uint32_t)seconds;
	return MTA_STS_OK;
}

/* True once for each. */
static bool
is_first(bool *has)
{
	bool result = !*has;
	*has = true;
	return result;
}

static enum mta_sts_verdict
take_field(struct reading *reading, struct span name, struct span value)
{
	if (span_equals(name, SPAN("mx")))
		return take_mx(reading, value);
	if (span_equals(name, SPAN("version")) &&
	    is_first(&reading->has_version))
		return span_equals(value, SPAN("STSv1")) ? MTA_STS_OK :
			MTA_STS_BAD_VERSION;
	if (span_equals(name, SPAN("mode")) && is_first(&reading->has_mode))
		return find_mode(value, &reading->policy->mode) ? MTA_STS_OK :
			MTA_STS_BAD_MODE;
	if (span_equals(name, SPAN("max_age")) &&
	    is_first(&reading->has_max_age))
		return take_max_age(reading, value);
	return MTA_STS_OK;	/* 3.2: what is not known is passed over */
}

static enum mta_sts_verdict
take_line(struct reading *reading, struct span line)
{
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	line = trim_blanks(line);
	if (line.size == 0)
		return MTA_STS_OK;	/* many end with an empty line or two */
	size_t colon = span_find(line, ':');
	struct span name = span_first(line, colon);
	if (colon == line.size || !is_field_name(name))
		return MTA_STS_BAD_LINE;
	return take_field(reading, name,
		trim_blanks(span_skip(line, colon + 1)));
}

static enum mta_sts_verdict
judge(const struct reading *reading)
{
	if (!reading->has_version)
		return MTA_STS_BAD_VERSION;
	if (!reading->has_mode)
		return MTA_STS_BAD_MODE;
	if (!reading->has_max_age)
		return MTA_STS_BAD_MAX_AGE;
	if (reading->policy->mx_count == 0 &&
	    reading->policy->mode != MTA_STS_NONE)
		return MTA_STS_BAD_MX;
	return MTA_STS_OK;
}

enum mta_sts_verdict
mta_sts_parse(struct span text, struct arena *arena,
	struct mta_sts_policy *policy)
{
	struct reading reading = { .policy = policy };
	enum mta_sts_verdict verdict = MTA_STS_OK;
	struct span line;
	*policy = (struct mta_sts_policy){ 0 };
	if (text.size > MTA_STS_POLICY_LIMIT)
		return MTA_STS_TOO_LARGE;
	reading.mx = arena_new_array(arena, MTA_STS_MX_LIMIT,
		sizeof(*reading.mx));
	policy->mx = reading.mx;
	while (verdict == MTA_STS_OK && span_split(&text, '\n', &line))
		verdict = take_line(&reading, line);
	if (verdict == MTA_STS_OK)
		verdict = judge(&reading);
	if (verdict != MTA_STS_OK)
		*policy = (struct mta_sts_policy){ 0 };
	return verdict;
}

const char *
mta_sts_words(enum mta_sts_verdict verdict)
{
	static const char *const words[MTA_STS_VERDICTS] = {
		[MTA_STS_OK] = "the policy is right",
		[MTA_STS_TOO_LARGE] = "the policy is too large",
		[MTA_STS_BAD_LINE] = "the policy has a line that is no field",
		[MTA_STS_BAD_VERSION] = "the policy is not of version STSv1",
		[MTA_STS_BAD_MODE] = "the policy has no mode that is known",
		[MTA_STS_BAD_MAX_AGE] = "the policy does not say how long it "
			"is good for",
		[MTA_STS_BAD_MX] = "the policy names no hosts, or what is no "
			"host name",
	};
	return words[verdict];
}

/* 4.1: "*" is one label, the leftmost. */
static bool
matches_pattern(struct span pattern, struct span host)
{
	if (!span_starts(pattern, SPAN("*.")))
		return span_equals_nocase(pattern, host);
	size_t dot = span_find(host, '.');
	return dot > 0 && dot < host.size &&
		span_equals_nocase(span_skip(pattern, 1), span_skip(host, dot));
}

bool
mta_sts_matches(const struct mta_sts_policy *policy, struct span host)
{
	for (size_t i = 0; i < policy->mx_count; i++)
		if (matches_pattern(policy->mx[i], host))
			return true;
	return false;
}

/* ---- the cache ---- */

bool
mta_sts_entry_encode(struct buffer *out, const struct mta_sts_entry *entry)
{
	struct buffer line;
	buffer_init(&line, MTA_STS_ENTRY_LIMIT);
	tabline_add(&line, SPAN("STS1"));
	tabline_add_pair(&line, "domain", entry->domain);
	tabline_add_pair(&line, "id", entry->id);
	tabline_add_number(&line, "fetched", (uint64_t)entry->fetched);
	tabline_add_number(&line, "max_age", entry->policy.max_age);
	tabline_add_pair(&line, "mode",
		span_from(mta_sts_mode_name(entry->policy.mode)));
	for (size_t i = 0; i < entry->policy.mx_count; i++)
		tabline_add_pair(&line, "mx", entry->policy.mx[i]);
	tabline_end(&line);
	bool fits = !buffer_is_overrun(&line);
	if (fits)
		buffer_add(out, buffer_span(&line));
	buffer_fini(&line);
	return fits;
}

/* The fields stand in one order; false when the next is another one. */
static bool
take_pair(struct span *rest, struct arena *arena, const char *key,
	struct span *value)
{
	struct span field;
	return tabline_next(rest, arena, &field) == TABLINE_FIELD &&
		tabline_value(field, key, value);
}

static bool
take_number(struct span *rest, struct arena *arena, const char *key,
	uint64_t max, uint64_t *number)
{
	struct span value;
	return take_pair(rest, arena, key, &value) &&
		span_to_number(value, max, number);
}

static bool
take_patterns(struct span *rest, struct arena *arena,
	struct mta_sts_policy *policy)
{
	struct span *mx = arena_new_array(arena, MTA_STS_MX_LIMIT, sizeof(*mx));
	policy->mx = mx;
	while (rest->data != NULL) {
		if (policy->mx_count == MTA_STS_MX_LIMIT ||
		    !take_pair(rest, arena, "mx", &mx[policy->mx_count]) ||
		    !is_pattern(mx[policy->mx_count]))
			return false;
		policy->mx_count++;
	}
	return policy->mx_count > 0 || policy->mode == MTA_STS_NONE;
}

bool
mta_sts_entry_decode(struct span line, struct arena *arena,
	struct mta_sts_entry *entry)
{
	struct span kind, mode;
	uint64_t fetched, max_age;
	*entry = (struct mta_sts_entry){ 0 };
	if (line.size > MTA_STS_ENTRY_LIMIT ||
	    tabline_next(&line, arena, &kind) != TABLINE_FIELD ||
	    !span_equals(kind, SPAN("STS1")) ||
	    !take_pair(&line, arena, "domain", &entry->domain) ||
	    !tlswire_name_is_valid(entry->domain) ||
	    !take_pair(&line, arena, "id", &entry->id) ||
	    entry->id.size == 0 || entry->id.size > MTA_STS_ID_SIZE ||
	    !is_alphanumeric_only(entry->id) ||
	    !take_number(&line, arena, "fetched", INT64_MAX / 2, &fetched) ||
	    !take_number(&line, arena, "max_age", MTA_STS_MAX_AGE, &max_age) ||
	    !take_pair(&line, arena, "mode", &mode) ||
	    !find_mode(mode, &entry->policy.mode) ||
	    !take_patterns(&line, arena, &entry->policy))
		return false;
	entry->fetched = (int64_t)fetched;
	entry->policy.max_age = (uint32_t)max_age;
	return true;
}

bool
mta_sts_is_expired(const struct mta_sts_entry *entry, int64_t now)
{
	return now - entry->fetched >= (int64_t)entry->policy.max_age * 1000;
}

bool
mta_sts_is_stale(const struct mta_sts_entry *entry, struct span id,
	int64_t now)
{
	int64_t age = now - entry->fetched;
	if (mta_sts_is_expired(entry, now))
		return true;
	if (id.size > 0 && !span_equals(id, entry->id))
		return true;
	/* a clock that was set back proves nothing */
	return age < 0 || age >= DAY || age >= (int64_t)entry->policy.max_age * 500;
}
