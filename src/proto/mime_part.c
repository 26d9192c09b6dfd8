/*
 * The fields that describe a part (RFC 2045, 2183, 1864, 3282, 2557) and those
 * of the envelope (RFC 5322 3.6): a table of names and what each sets.
 */
#include "proto/mime_part.h"

#include <stddef.h>

#include "proto/mime_parameter.h"

struct rule {
	struct span name;
	/* exactly one of them; offset of a span in struct mime_part */
	void (*take)(struct arena *, struct span, struct mime_part *,
		struct mime_part_fields *);
	size_t offset;
	bool is_envelope;	/* the offset is in struct mime_envelope */
	bool is_list;		/* of addresses; further fields add to it */
};

/* The first field of a name counts; what is not a type leaves the default
 * (RFC 2045 5.2). */
static void
take_type(struct arena *arena, struct span value, struct mime_part *part,
	struct mime_part_fields *fields)
{
	if (!fields->type)
		fields->type = mime_parse_content_type(arena, value, part);
}

static void
take_disposition(struct arena *arena, struct span value,
	struct mime_part *part, struct mime_part_fields *fields)
{
	(void)fields;
	if (part->disposition.size == 0)
		mime_parse_disposition(arena, value, part);
}

static void
take_encoding(struct arena *arena, struct span value, struct mime_part *part,
	struct mime_part_fields *fields)
{
	struct span encoding = mime_parse_token(arena, value);
	if (encoding.size > 0 && !fields->encoding) {
		part->encoding = encoding;
		fields->encoding = true;
	}
}

#define PART(member) .offset = offsetof(struct mime_part, member)
#define ENVELOPE(member) .offset = offsetof(struct mime_envelope, member), \
	.is_envelope = true

static const struct rule rules[] = {
	{ SPAN("Content-Type"), .take = take_type },
	{ SPAN("Content-Transfer-Encoding"), .take = take_encoding },
	{ SPAN("Content-Disposition"), .take = take_disposition },
	{ SPAN("Content-ID"), PART(id) },
	{ SPAN("Content-Description"), PART(description) },
	{ SPAN("Content-MD5"), PART(md5) },
	{ SPAN("Content-Language"), PART(language) },
	{ SPAN("Content-Location"), PART(location) },
	{ SPAN("Date"), ENVELOPE(date) },
	{ SPAN("Subject"), ENVELOPE(subject) },
	{ SPAN("From"), ENVELOPE(from), .is_list = true },
	{ SPAN("Sender"), ENVELOPE(sender) },
	{ SPAN("Reply-To"), ENVELOPE(reply_to), .is_list = true },
	{ SPAN("To"), ENVELOPE(to), .is_list = true },
	{ SPAN("Cc"), ENVELOPE(cc), .is_list = true },
	{ SPAN("Bcc"), ENVELOPE(bcc), .is_list = true },
	{ SPAN("In-Reply-To"), ENVELOPE(in_reply_to) },
	{ SPAN("Message-ID"), ENVELOPE(message_id) },
};

static const struct rule *
find_rule(struct span name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (span_equals_nocase(rules[i].name, name))
			return &rules[i];
	return NULL;
}

bool
mime_part_wants(const struct mime_part *part, struct span name)
{
	const struct rule *rule = find_rule(name);
	return rule != NULL && (!rule->is_envelope || part->envelope != NULL);
}

void
mime_part_take_field(struct arena *arena, struct mime_part *part,
	struct mime_part_fields *fields, const struct mime_field *field)
{
	const struct rule *rule = find_rule(field->name);
	if (rule == NULL || (rule->is_envelope && part->envelope == NULL))
		return;
	struct span value = mime_unfold(arena, field->value);
	if (rule->take != NULL) {
		rule->take(arena, value, part, fields);
		return;
	}
	char *base = rule->is_envelope ? (char *)part->envelope : (char *)part;
	struct span *member = (struct span *)(void *)(base + rule->offset);
	if (member->data == NULL || (rule->is_list && member->size == 0))
		*member = value;
	else if (rule->is_list && value.size > 0 &&
	    member->size + value.size < MIME_FIELD_LIMIT &&
	    fields->joined++ < MIME_JOIN_LIMIT)
		/* RFC 5322 4.5.3: lists of further fields are added */
		*member = arena_print(arena, "%.*s, %.*s", SPAN_PRINT(*member),
			SPAN_PRINT(value));
}

void
mime_part_set_type(struct arena *arena, struct mime_part *part,
	struct span type, struct span subtype)
{
	part->type = type;
	part->subtype = subtype;
	part->parameters = NULL;
	if (span_equals(type, SPAN("text"))) {
		part->parameters = arena_new(arena, sizeof(*part->parameters));
		part->parameters->name = SPAN("charset");
		part->parameters->value = SPAN("us-ascii");
	}
}

struct mime_part *
mime_part_new(struct arena *arena, struct mime_part *parent, bool is_digest)
{
	struct mime_part *part = arena_new(arena, sizeof(*part));
	part->parent = parent;
	part->depth = parent == NULL ? 0 : parent->depth + 1;
	part->encoding = SPAN("7bit");
	if (is_digest)
		mime_part_set_type(arena, part, SPAN("message"),
			SPAN("rfc822"));
	else
		mime_part_set_type(arena, part, SPAN("text"), SPAN("plain"));
	return part;
}

bool
mime_part_is_message(const struct mime_part *part)
{
	return span_equals(part->type, SPAN("message")) &&
		(span_equals(part->subtype, SPAN("rfc822")) ||
		span_equals(part->subtype, SPAN("global")));
}
