#include "names/records.h"

#include "base/base64.h"
#include "base/log.h"
#include "names/renew.h"
#include "names/signer.h"
#include "serve/admin.h"

/* ---- PUBLISH ---- */

static bool
is_tag(struct span tag)
{
	for (size_t i = 0; i < tag.size; i++)
		if (tag.data[i] <= ' ' || tag.data[i] > '~')
			return false;
	return tag.size > 0 && tag.size <= PARTS_TAG_LIMIT;
}

static bool
need_part(struct admin_call *call, struct dns_name *origin, struct span *tag,
	struct buffer *text)
{
	struct span value;
	if (!admin_need(call, "origin", &value))
		return false;
	if (!dns_name_from_text(value, origin) || origin->size == 1) {
		admin_fail(call, "origin= is no domain");
		return false;
	}
	if (!admin_need(call, "tag", tag))
		return false;
	if (!is_tag(*tag)) {
		admin_fail(call, "tag= is no word of at most %d characters",
			PARTS_TAG_LIMIT);
		return false;
	}
	if (!tabline_get(call->fields, 2, "text", &value) ||
	    !base64_decode(text, value) || buffer_is_overrun(text)) {
		admin_fail(call, "text= is no base64, or of more than %d bytes",
			PARTS_TEXT_LIMIT);
		return false;
	}
	return true;
}

static void
apply(struct admin_call *call, const struct dns_name *origin, struct span tag,
	struct span text)
{
	struct error error;
	uint32_t serial;
	char name[DNS_TEXT_SIZE];
	dns_name_to_text(origin, name);
	if (renew_part(origin, tag, text, &serial, &error) < 0) {
		log_event(LOG_WARN, "records-not-published", NULL,
			LOG_TEXT("origin", name), LOG_SPAN("tag", tag),
			LOG_TEXT("reason", error.text));
		admin_fail(call, "%s", error.text);
		return;
	}
	signer_wait();
	admin_row_begin(call);
	admin_row_number(call, "serial", serial);
	admin_row_end(call);
	admin_ok(call);
}

static void
publish(struct admin_call *call)
{
	struct dns_name origin;
	struct span tag;
	struct buffer text;
	buffer_init(&text, PARTS_TEXT_LIMIT);
	if (need_part(call, &origin, &tag, &text))
		apply(call, &origin, tag, buffer_span(&text));
	buffer_fini(&text);
}

/* ---- LIST: where a tag has published something ---- */

static void
list(struct admin_call *call)
{
	struct parts parts;
	struct span tag;
	char name[DNS_TEXT_SIZE];
	if (!admin_need(call, "tag", &tag))
		return;
	parts_collect(&parts);
	for (size_t i = 0; i < parts.count; i++) {
		if (!span_equals(parts.part[i].tag, tag))
			continue;
		dns_name_to_text(&parts.part[i].origin, name);
		admin_row_begin(call);
		admin_row_field(call, "origin", span_from(name));
		if (!admin_row_end(call))
			break;
	}
	parts_free(&parts);
	admin_ok(call);
}

static const struct admin_command commands[] = {
	{ "PUBLISH", publish },
	{ "LIST", list },
	{ NULL, NULL },
};

static const struct admin_server server = { .commands = commands };

void
records_accept(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &server);
}
