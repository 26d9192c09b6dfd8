/*
 * Body and structure of a message being fetched. A message is parsed once, in
 * pieces as it is read; what FETCH needs of that is kept in the store's cache.
 *
 * Parsing is noted in shared memory first. A message over which this process
 * died twice before is not parsed again but served as one opaque text part.
 */
#include "mailbox/imap/fetch_message.h"

#include "serve/counter.h"

enum { PIECE_SIZE = 65536, HEAD_SIZE = 8192, DEATHS_LIMIT = 2 };

void
fetch_message_init(struct fetch_message *fetch, struct store_account *account,
	const struct store_message *message, struct arena *arena)
{
	*fetch = (struct fetch_message){
		.account = account, .message = message, .arena = arena
	};
}

void
fetch_message_fini(struct fetch_message *fetch)
{
	if (fetch->has_body)
		store_body_close(&fetch->body);
	fetch->has_body = false;
}

enum fetch_verdict
fetch_message_body(struct fetch_message *fetch, struct error *error)
{
	if (fetch->has_body)
		return FETCH_OK;
	switch (store_body_open(fetch->account, fetch->message, &fetch->body,
	    error)) {
	case STORE_OK:
		fetch->has_body = true;
		return FETCH_OK;
	case STORE_NO_MESSAGE:
	case STORE_NO_MAILBOX:
		return FETCH_EXPUNGED;
	default:
		return FETCH_TROUBLE;
	}
}

/* All of it one text part without header. */
static const struct mime_part *
make_opaque(struct fetch_message *fetch)
{
	struct mime_part *part = arena_new(fetch->arena, sizeof(*part));
	part->kind = MIME_LEAF;
	part->body_size = fetch->body.size;
	part->type = SPAN("text");
	part->subtype = SPAN("plain");
	part->encoding = SPAN("8bit");
	part->envelope = arena_new(fetch->arena, sizeof(*part->envelope));
	return part;
}

static int
parse_body(struct fetch_message *fetch, const struct mime_part **tree,
	struct error *error)
{
	struct mime_parser *parser = mime_parser_new(fetch->arena);
	uint64_t at = 0;
	if (fetch->body.memory != NULL) {
		mime_parser_feed(parser, span_of(fetch->body.memory,
			(size_t)fetch->body.size));
		*tree = mime_parser_end(parser);
		return 0;
	}
	char *piece = arena_new(fetch->arena, PIECE_SIZE);
	while (at < fetch->body.size) {
		uint64_t left = fetch->body.size - at;
		size_t size = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
		if (store_body_read(&fetch->body, at, piece, size, error) < 0)
			return -1;
		mime_parser_feed(parser, span_of(piece, size));
		at += size;
	}
	*tree = mime_parser_end(parser);
	return 0;
}

static void
cache(struct fetch_message *fetch, enum store_cache kind, struct buffer *bytes)
{
	store_cache_put(fetch->account, fetch->message->email, kind,
		buffer_span(bytes));
	buffer_clear(bytes);
}

static void
cache_all(struct fetch_message *fetch)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	mime_tree_encode(&bytes, fetch->tree);
	cache(fetch, STORE_CACHE_TREE, &bytes);
	mime_format_envelope(&bytes, fetch->arena, fetch->tree->envelope);
	cache(fetch, STORE_CACHE_ENVELOPE, &bytes);
	mime_format_structure(&bytes, fetch->arena, fetch->tree, MIME_EXTENDED);
	cache(fetch, STORE_CACHE_STRUCTURE, &bytes);
	buffer_fini(&bytes);
}

enum fetch_verdict
fetch_message_tree(struct fetch_message *fetch, struct error *error)
{
	struct span bytes;
	unsigned deaths = 0;
	if (fetch->tree != NULL)
		return FETCH_OK;
	if (store_cache_get(fetch->account, fetch->message->email,
	    STORE_CACHE_TREE, fetch->arena, &bytes))
		fetch->tree = mime_tree_decode(fetch->arena, bytes);
	if (fetch->tree != NULL)
		return FETCH_OK;
	enum fetch_verdict verdict = fetch_message_body(fetch, error);
	if (verdict != FETCH_OK)
		return verdict;
	unsigned slot = counter_in_hand_set(
		store_account_id(fetch->account), fetch->message->email,
		&deaths);
	if (deaths >= DEATHS_LIMIT) {
		fetch->tree = make_opaque(fetch);
	} else if (parse_body(fetch, &fetch->tree, error) < 0) {
		verdict = FETCH_TROUBLE;
	} else {
		cache_all(fetch);
	}
	counter_in_hand_clear(slot);
	return verdict;
}

/* Does the end of the header, or of all, lie in the first bytes? */
static bool
is_whole_header(const struct fetch_message *fetch, struct span head)
{
	return head.size >= fetch->message->size ||
		span_search(head, SPAN("\r\n\r\n")) < head.size;
}

/* Most envelopes are in the first bytes, and only they are read. *text stays
 * empty when this one is not, or has killed a process before. */
static enum fetch_verdict
envelope_of_head(struct fetch_message *fetch, struct span *text,
	struct error *error)
{
	struct buffer bytes;
	unsigned deaths = 0;
	buffer_init(&bytes, 0);
	*text = span_of(NULL, 0);
	enum store_verdict verdict = store_body_head(fetch->account,
		fetch->message, HEAD_SIZE, &bytes, error);
	struct span head = buffer_span(&bytes);
	if (verdict == STORE_OK && is_whole_header(fetch, head)) {
		unsigned slot = counter_in_hand_set(
			store_account_id(fetch->account),
			fetch->message->email, &deaths);
		if (deaths < DEATHS_LIMIT) {
			const struct mime_part *part = mime_parse(fetch->arena,
				head);
			buffer_clear(&bytes);
			mime_format_envelope(&bytes, fetch->arena,
				part->envelope);
			*text = arena_copy(fetch->arena, buffer_span(&bytes));
			cache(fetch, STORE_CACHE_ENVELOPE, &bytes);
		}
		counter_in_hand_clear(slot);
	}
	buffer_fini(&bytes);
	return verdict == STORE_NO_MESSAGE || verdict == STORE_NO_MAILBOX ?
		FETCH_EXPUNGED : verdict == STORE_OK ? FETCH_OK : FETCH_TROUBLE;
}

enum fetch_verdict
fetch_message_envelope(struct fetch_message *fetch, struct span *text,
	struct error *error)
{
	struct buffer bytes;
	enum fetch_verdict verdict = FETCH_OK;
	*text = span_of(NULL, 0);
	if (fetch->tree == NULL && store_cache_get(fetch->account,
	    fetch->message->email, STORE_CACHE_ENVELOPE, fetch->arena, text))
		return FETCH_OK;
	if (!fetch->needs_tree && fetch->tree == NULL)
		verdict = envelope_of_head(fetch, text, error);
	if (verdict != FETCH_OK || text->size > 0)
		return verdict;
	verdict = fetch_message_tree(fetch, error);
	if (verdict != FETCH_OK)
		return verdict;
	buffer_init(&bytes, 0);
	mime_format_envelope(&bytes, fetch->arena, fetch->tree->envelope);
	*text = arena_copy(fetch->arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	return FETCH_OK;
}

enum fetch_verdict
fetch_message_structure(struct fetch_message *fetch, bool is_extended,
	bool is_utf8, struct span *text, struct error *error)
{
	struct buffer bytes;
	/* What is cached is the form for IMAP4rev1. */
	if (fetch->tree == NULL && is_extended && !is_utf8 &&
	    store_cache_get(fetch->account, fetch->message->email,
	    STORE_CACHE_STRUCTURE, fetch->arena, text))
		return FETCH_OK;
	enum fetch_verdict verdict = fetch_message_tree(fetch, error);
	if (verdict != FETCH_OK)
		return verdict;
	buffer_init(&bytes, 0);
	mime_format_structure(&bytes, fetch->arena, fetch->tree,
		(is_extended ? MIME_EXTENDED : 0u) |
		(is_utf8 ? MIME_UTF8 : 0u));
	*text = arena_copy(fetch->arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	return FETCH_OK;
}
