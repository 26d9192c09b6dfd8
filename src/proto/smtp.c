/*
 * Command lines of SMTP and LMTP, read and written; see smtp.h for the RFCs.
 */
#include "proto/smtp.h"

#include "base/utf8.h"

/* ---- commands ---- */

static const char *const verbs[SMTP_VERB_COUNT] = {
	[SMTP_UNKNOWN] = "",
#define VERB_NAME(name) [SMTP_##name] = #name,
	SMTP_VERB_LIST(VERB_NAME)
#undef VERB_NAME
};

void
smtp_command_parse(struct span line, struct smtp_command *command)
{
	struct span rest = line;
	*command = (struct smtp_command){ .verb = SMTP_UNKNOWN };
	span_word(&rest, &command->word);
	command->argument = span_trim(rest);
	/* RFC 5321 2.4: verbs in any case. */
	for (enum smtp_verb verb = 1; verb < SMTP_VERB_COUNT; verb++) {
		if (span_equals_nocase(command->word, span_from(verbs[verb]))) {
			command->verb = verb;
			return;
		}
	}
}

/* ---- xtext ---- */

static int
hex_digit(char c)
{
	c = span_lower_byte(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3461 4: 33 to 126 without "+" and "=", or "+" and two hex digits. */
static bool
is_xchar(char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=';
}

bool
smtp_xtext_is_valid(struct span xtext)
{
	for (size_t i = 0; i < xtext.size; i++) {
		if (is_xchar(xtext.data[i]))
			continue;
		if (xtext.data[i] != '+' || xtext.size - i < 3 ||
		    hex_digit(xtext.data[i + 1]) < 0 ||
		    hex_digit(xtext.data[i + 2]) < 0)
			return false;
		i += 2;
	}
	return true;
}

void
smtp_xtext_encode(struct buffer *out, struct span text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		if (is_xchar(text.data[i])) {
			buffer_add_byte(out, text.data[i]);
			continue;
		}
		buffer_add_byte(out, '+');
		buffer_add_byte(out, digits[byte >> 4]);
		buffer_add_byte(out, digits[byte & 15]);
	}
}

bool
smtp_xtext_decode(struct buffer *out, struct span xtext)
{
	if (!smtp_xtext_is_valid(xtext))
		return false;
	for (size_t i = 0; i < xtext.size; i++) {
		char c = xtext.data[i];
		if (c == '+') {
			c = (char)(hex_digit(xtext.data[i + 1]) << 4 |
				hex_digit(xtext.data[i + 2]));
			i += 2;
		}
		buffer_add_byte(out, c);
	}
	return true;
}

/* ---- parameters of MAIL ---- */

static bool
take_size(struct smtp_mail *mail, struct span value)
{
	mail->has_size = true;	/* RFC 1870 4: 1*20DIGIT */
	return value.size <= 20 && span_to_number(value, UINT64_MAX, &mail->size);
}

static bool
take_body(struct smtp_mail *mail, struct span value)
{
	if (span_equals_nocase(value, SPAN("7BIT")))
		mail->body = SMTP_BODY_7BIT;
	else if (span_equals_nocase(value, SPAN("8BITMIME")))
		mail->body = SMTP_BODY_8BITMIME;
	else if (span_equals_nocase(value, SPAN("BINARYMIME")))
		mail->body = SMTP_BODY_BINARYMIME;
	else
		return false;
	return true;
}

static bool
take_smtputf8(struct smtp_mail *mail, struct span value)
{
	mail->is_utf8 = true;
	return value.data == NULL;	/* RFC 6531 3.4: has no value */
}

/* RFC 8689 4.1: it has no value. */
static bool
take_requiretls(struct smtp_mail *mail, struct span value)
{
	mail->needs_tls = true;
	return value.data == NULL;
}

static bool
take_ret(struct smtp_mail *mail, struct span value)
{
	if (span_equals_nocase(value, SPAN("FULL")))
		mail->ret = SMTP_RETURN_FULL;
	else if (span_equals_nocase(value, SPAN("HDRS")))
		mail->ret = SMTP_RETURN_HEADERS;
	else
		return false;
	return true;
}

static bool
take_envid(struct smtp_mail *mail, struct span value)
{
	mail->envid = value;
	return value.size > 0 && value.size <= SMTP_ENVID_LIMIT &&
		smtp_xtext_is_valid(value);
}

static bool
take_auth(struct smtp_mail *mail, struct span value)
{
	mail->auth = value;
	return value.size > 0 && value.size <= SMTP_AUTH_PARAMETER_LIMIT &&
		(span_equals(value, SPAN("<>")) || smtp_xtext_is_valid(value));
}

/* Ids of ours: letters, digits, hyphen, underscore, dot. */
static bool
is_id(struct span value)
{
	for (size_t i = 0; i < value.size; i++) {
		char c = span_lower_byte(value.data[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_' || c == '.'))
			return false;
	}
	return value.size > 0 && value.size <= SMTP_ID_LIMIT;
}

static bool
take_trace(struct smtp_mail *mail, struct span value)
{
	mail->trace = value;
	return is_id(value);
}

static bool
take_session(struct smtp_mail *mail, struct span value)
{
	mail->session = value;
	return is_id(value);
}

static bool
take_transaction(struct smtp_mail *mail, struct span value)
{
	if (value.size != 2 * SMTP_TRANSACTION_SIZE)
		return false;
	for (size_t i = 0; i < SMTP_TRANSACTION_SIZE; i++) {
		int high = hex_digit(value.data[2 * i]);
		int low = hex_digit(value.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		mail->transaction[i] = (uint8_t)(high << 4 | low);
	}
	mail->has_transaction = true;
	return true;
}

static bool
take_actor(struct smtp_mail *mail, struct span value)
{
	return span_to_hex_number(value, &mail->actor);
}

static bool
take_next_hop(struct smtp_mail *mail, struct span value)
{
	mail->next_hop = value;
	return value.size > 0 && value.size <= SMTP_NEXT_HOP_LIMIT &&
		smtp_xtext_is_valid(value);
}

/* ---- parameters of RCPT ---- */

static bool
take_notify(struct smtp_rcpt *rcpt, struct span value)
{
	static const struct {
		struct span word;
		unsigned bit;
	} words[] = {
		{ SPAN("NEVER"), SMTP_NOTIFY_NEVER },
		{ SPAN("SUCCESS"), SMTP_NOTIFY_SUCCESS },
		{ SPAN("FAILURE"), SMTP_NOTIFY_FAILURE },
		{ SPAN("DELAY"), SMTP_NOTIFY_DELAY },
	};
	struct span word;
	while (span_split(&value, ',', &word)) {
		unsigned bit = 0;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (span_equals_nocase(word, words[i].word))
				bit = words[i].bit;
		if (bit == 0)
			return false;
		rcpt->notify |= bit;
	}
	/* RFC 3461 4.1: NEVER stands alone. */
	return rcpt->notify != 0 && ((rcpt->notify & SMTP_NOTIFY_NEVER) == 0 ||
		rcpt->notify == SMTP_NOTIFY_NEVER);
}

/* Of RFC 6533 3 only what matters on a line: no blank, no control. */
static bool
is_utf8_address_text(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
			return false;
	return utf8_is_valid(text);
}

static bool
take_orcpt(struct smtp_rcpt *rcpt, struct span value)
{
	size_t colon = span_find(value, ';');
	struct span type = span_first(value, colon);
	struct span text = span_skip(value, colon + 1);
	rcpt->orcpt = value;
	if (colon == value.size || text.size == 0 ||
	    value.size > SMTP_ORCPT_LIMIT || !is_id(type))
		return false;
	if (span_equals_nocase(type, SPAN("utf-8")))
		return is_utf8_address_text(text);
	return smtp_xtext_is_valid(text);
}

static bool
take_account(struct smtp_rcpt *rcpt, struct span value)
{
	rcpt->has_account = true;
	return span_to_hex_number(value, &rcpt->account);
}

static bool
take_quota(struct smtp_rcpt *rcpt, struct span value)
{
	rcpt->has_quota = true;
	return span_to_number(value, UINT64_MAX, &rcpt->quota);
}

static bool
take_final(struct smtp_rcpt *rcpt, struct span value)
{
	rcpt->is_final = span_equals(value, SPAN("yes"));
	return rcpt->is_final;
}

static bool
take_program(struct smtp_rcpt *rcpt, struct span value)
{
	struct span table;
	uint64_t number = 0;
	rcpt->is_whole = span_equals(value, SPAN("forward"));
	if (!span_split(&value, ':', &table) || (!rcpt->is_whole &&
		!span_to_number(value, SMTP_PROGRAM_LIMIT, &number)))
		return false;
	rcpt->has_program = true;
	rcpt->program = (unsigned)number;
	rcpt->is_forward = span_equals(table, SPAN("forward"));
	return rcpt->is_forward || span_equals(table, SPAN("aliases"));
}

static bool
take_key(struct smtp_rcpt *rcpt, struct span value)
{
	rcpt->key = value;
	return value.size <= SMTP_KEY_LIMIT && smtp_xtext_is_valid(value);
}

/* ---- the argument as a whole ---- */

struct parameter {
	struct span name;
	unsigned extension;
	bool (*mail)(struct smtp_mail *mail, struct span value);
	bool (*rcpt)(struct smtp_rcpt *rcpt, struct span value);
};

static const struct parameter parameters[] = {
	{ SPAN("SIZE"), SMTP_WITH_SIZE, take_size, NULL },
	{ SPAN("BODY"), SMTP_WITH_8BITMIME, take_body, NULL },
	{ SPAN("SMTPUTF8"), SMTP_WITH_SMTPUTF8, take_smtputf8, NULL },
	{ SPAN("RET"), SMTP_WITH_DSN, take_ret, NULL },
	{ SPAN("ENVID"), SMTP_WITH_DSN, take_envid, NULL },
	{ SPAN("AUTH"), SMTP_WITH_AUTH, take_auth, NULL },
	{ SPAN("XTRACE"), SMTP_WITH_XPOSTHOUSE, take_trace, NULL },
	{ SPAN("XSESSION"), SMTP_WITH_XPOSTHOUSE, take_session, NULL },
	{ SPAN("XTRANSACTION"), SMTP_WITH_XPOSTHOUSE, take_transaction, NULL },
	{ SPAN("XACTOR"), SMTP_WITH_XPOSTHOUSE, take_actor, NULL },
	{ SPAN("XNEXTHOP"), SMTP_WITH_XPOSTHOUSE, take_next_hop, NULL },
	{ SPAN("REQUIRETLS"), SMTP_WITH_REQUIRETLS, take_requiretls, NULL },
	{ SPAN("NOTIFY"), SMTP_WITH_DSN, NULL, take_notify },
	{ SPAN("ORCPT"), SMTP_WITH_DSN, NULL, take_orcpt },
	{ SPAN("XACCOUNT"), SMTP_WITH_XPOSTHOUSE, NULL, take_account },
	{ SPAN("XQUOTA"), SMTP_WITH_XPOSTHOUSE, NULL, take_quota },
	{ SPAN("XFINAL"), SMTP_WITH_XPOSTHOUSE, NULL, take_final },
	{ SPAN("XPROGRAM"), SMTP_WITH_XPOSTHOUSE, NULL, take_program },
	{ SPAN("XKEY"), SMTP_WITH_XPOSTHOUSE, NULL, take_key },
};

/* Finds one of the verb in question; the table's size when it is not known. */
static size_t
find_parameter(struct span name, unsigned extensions, bool is_mail)
{
	size_t i = 0;
	for (; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		const struct parameter *parameter = &parameters[i];
		if ((parameter->extension & extensions) != 0 &&
		    (parameter->mail != NULL) == is_mail &&
		    span_equals_nocase(name, parameter->name))
			break;
	}
	return i;
}

/* One of mail and rcpt is NULL. */
static enum smtp_verdict
take_parameters(struct span rest, unsigned extensions, struct smtp_mail *mail,
	struct smtp_rcpt *rcpt)
{
	unsigned seen = 0, count = 0;
	struct span word;
	if (rest.size > 0 && rest.data[0] != ' ' && rest.data[0] != '\t')
		return SMTP_BAD_SYNTAX;
	while (span_word(&rest, &word)) {
		size_t end = span_find(word, '=');
		struct span name = span_first(word, end);
		struct span value = end == word.size ? span_of(NULL, 0) :
			span_skip(word, end + 1);
		if (++count > SMTP_PARAMETERS_LIMIT)
			return SMTP_BAD_SYNTAX;
		size_t i = find_parameter(name, extensions, mail != NULL);
		if (i == sizeof(parameters) / sizeof(parameters[0]))
			return SMTP_UNKNOWN_PARAMETER;
		if ((seen & 1u << i) != 0)
			return SMTP_BAD_PARAMETER;
		seen |= 1u << i;
		if (mail != NULL ? !parameters[i].mail(mail, value) :
		    !parameters[i].rcpt(rcpt, value))
			return SMTP_BAD_PARAMETER;
	}
	return SMTP_OK;
}

/* "FROM:" and the path behind it; RFC 5321 3.3 wants no blank between. */
static enum smtp_verdict
take_path(struct span *rest, struct span keyword, struct arena *arena,
	struct address *path, bool *is_null)
{
	if (!span_starts_nocase(*rest, keyword))
		return SMTP_BAD_SYNTAX;
	*rest = span_skip(*rest, keyword.size);
	while (rest->size > 0 && rest->data[0] == ' ')
		*rest = span_skip(*rest, 1);
	enum address_verdict verdict = address_parse_path(rest, arena, path);
	*is_null = verdict == ADDRESS_NULL;
	if (verdict == ADDRESS_TOO_LONG)
		return SMTP_PATH_TOO_LONG;
	return verdict == ADDRESS_BAD_SYNTAX ? SMTP_BAD_PATH : SMTP_OK;
}

enum smtp_verdict
smtp_mail_parse(struct span argument, unsigned extensions,
	struct arena *arena, struct smtp_mail *mail)
{
	*mail = (struct smtp_mail){ .body = SMTP_BODY_7BIT };
	enum smtp_verdict verdict = take_path(&argument, SPAN("FROM:"), arena,
		&mail->path, &mail->is_null);
	if (verdict == SMTP_OK)
		verdict = take_parameters(argument, extensions, mail, NULL);
	if (verdict != SMTP_OK)
		return verdict;
	if (mail->body == SMTP_BODY_BINARYMIME &&
	    (extensions & SMTP_WITH_BINARYMIME) == 0)
		return SMTP_BAD_PARAMETER;
	if (mail->path.is_utf8 && !mail->is_utf8)
		return SMTP_NEEDS_UTF8;	/* RFC 6531 3.4 */
	return SMTP_OK;
}

enum smtp_verdict
smtp_rcpt_parse(struct span argument, unsigned extensions,
	struct arena *arena, struct smtp_rcpt *rcpt)
{
	bool is_null;
	*rcpt = (struct smtp_rcpt){ .notify = 0 };
	enum smtp_verdict verdict = take_path(&argument, SPAN("TO:"), arena,
		&rcpt->path, &is_null);
	if (verdict == SMTP_OK && is_null)
		return SMTP_BAD_PATH;	/* RFC 5321 3.3: not as forward-path */
	if (verdict != SMTP_OK)
		return verdict;
	return take_parameters(argument, extensions, NULL, rcpt);
}

/* ---- writing ---- */

static void
add_text(struct buffer *out, const char *name, struct span value)
{
	if (value.size == 0)
		return;
	buffer_add_string(out, name);
	buffer_add(out, value);
}

void
smtp_mail_add(struct buffer *out, const struct smtp_mail *mail)
{
	static const char *const bodies[] = { "", " BODY=8BITMIME",
		" BODY=BINARYMIME" };
	static const char *const returns[] = { "", " RET=FULL", " RET=HDRS" };
	buffer_add(out, SPAN("MAIL FROM:<"));
	if (!mail->is_null)
		address_format(out, &mail->path);
	buffer_add_byte(out, '>');
	if (mail->has_size) {
		buffer_add(out, SPAN(" SIZE="));
		buffer_add_number(out, mail->size);
	}
	buffer_add_string(out, bodies[mail->body]);
	if (mail->is_utf8)
		buffer_add(out, SPAN(" SMTPUTF8"));
	if (mail->needs_tls)
		buffer_add(out, SPAN(" REQUIRETLS"));
	buffer_add_string(out, returns[mail->ret]);
	add_text(out, " ENVID=", mail->envid);
	add_text(out, " AUTH=", mail->auth);
	add_text(out, " XTRACE=", mail->trace);
	add_text(out, " XSESSION=", mail->session);
	if (mail->has_transaction) {
		buffer_add(out, SPAN(" XTRANSACTION="));
		buffer_add_hex(out, span_of(mail->transaction,
			sizeof(mail->transaction)));
	}
	if (mail->actor != 0)
		buffer_print(out, " XACTOR=%llx",
			(unsigned long long)mail->actor);
	add_text(out, " XNEXTHOP=", mail->next_hop);
	buffer_add(out, SPAN("\r\n"));
}

static void
add_notify(struct buffer *out, unsigned notify)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
		"DELAY" };
	const char *before = " NOTIFY=";
	for (unsigned i = 0; i < 4; i++) {
		if ((notify & 1u << i) == 0)
			continue;
		buffer_add_string(out, before);
		buffer_add_string(out, words[i]);
		before = ",";
	}
}

void
smtp_rcpt_add(struct buffer *out, const struct smtp_rcpt *rcpt)
{
	buffer_add(out, SPAN("RCPT TO:<"));
	address_format(out, &rcpt->path);
	buffer_add_byte(out, '>');
	add_notify(out, rcpt->notify);
	add_text(out, " ORCPT=", rcpt->orcpt);
	if (rcpt->has_account)
		buffer_print(out, " XACCOUNT=%llx",
			(unsigned long long)rcpt->account);
	if (rcpt->has_quota) {
		buffer_add(out, SPAN(" XQUOTA="));
		buffer_add_number(out, rcpt->quota);
	}
	if (rcpt->is_final)
		buffer_add(out, SPAN(" XFINAL=yes"));
	if (rcpt->is_whole)
		buffer_add(out, SPAN(" XPROGRAM=forward"));
	else if (rcpt->has_program)
		buffer_print(out, " XPROGRAM=%s:%u", rcpt->is_forward ?
			"forward" : "aliases", rcpt->program);
	add_text(out, " XKEY=", rcpt->key);
	buffer_add(out, SPAN("\r\n"));
}

/* ---- BDAT ---- */

bool
smtp_bdat_parse(struct span argument, struct smtp_bdat *bdat)
{
	struct span rest = argument, size, last;
	*bdat = (struct smtp_bdat){ .is_last = false };
	if (!span_word(&rest, &size) ||
	    !span_to_number(size, INT64_MAX, &bdat->size))
		return false;
	if (!span_word(&rest, &last))
		return true;
	bdat->is_last = span_equals_nocase(last, SPAN("LAST"));
	return bdat->is_last && span_trim(rest).size == 0;
}

void
smtp_bdat_add(struct buffer *out, const struct smtp_bdat *bdat)
{
	buffer_add(out, SPAN("BDAT "));
	buffer_add_number(out, bdat->size);
	buffer_add_string(out, bdat->is_last ? " LAST\r\n" : "\r\n");
}
