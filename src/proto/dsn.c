/*
 * The text of delivery reports. See dsn.h.
 */
#include "proto/dsn.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "proto/date.h"
#include "proto/smtp.h"

static const char *const action_names[DSN_ACTIONS] = {
	[DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed",
	[DSN_DELIVERED] = "delivered", [DSN_RELAYED] = "relayed",
	[DSN_EXPANDED] = "expanded",
};
static const char *const standard_status[DSN_ACTIONS] = {
	[DSN_FAILED] = "5.0.0", [DSN_DELAYED] = "4.0.0",
	[DSN_DELIVERED] = "2.0.0", [DSN_RELAYED] = "2.0.0",
	[DSN_EXPANDED] = "2.0.0",
};

/* What a person reads; English stands in every report. */
struct words {
	const char *subject, *text;
};
static const struct words english[DSN_ACTIONS] = {
	[DSN_FAILED] = { "Your message could not be delivered",
		"Your message could not be delivered to:" },
	[DSN_DELAYED] = { "Your message is delayed",
		"Your message has not been delivered yet to:" },
	[DSN_DELIVERED] = { "Your message was delivered",
		"Your message was delivered to:" },
	[DSN_RELAYED] = { "Your message was passed on",
		"Your message was passed on to a server that does not report "
		"on delivery, for:" },
	[DSN_EXPANDED] = { "Your message was passed on",
		"Your message was passed on to the members of:" },
};
static const struct words chinese[DSN_ACTIONS] = {
	[DSN_FAILED] = { "您的邮件无法投递", "您的邮件无法投递给以下收件人：" },
	[DSN_DELAYED] = { "您的邮件被延迟", "您的邮件尚未投递给以下收件人：" },
	[DSN_DELIVERED] = { "您的邮件已投递", "您的邮件已投递给以下收件人：" },
	[DSN_RELAYED] = { "您的邮件已转出",
		"您的邮件已转交给不报告投递结果的服务器，收件人：" },
	[DSN_EXPANDED] = { "您的邮件已转出", "您的邮件已转发给以下列表的成员：" },
};

/* ---- small parts ---- */

/* On one line, whatever it was; beyond ASCII only where that may be. */
static void
add_clean(struct buffer *out, struct span text, bool may_be_utf8)
{
	struct buffer repaired;
	buffer_init(&repaired, 0);
	utf8_add_repaired(&repaired, text);
	for (size_t i = 0; i < repaired.size; i++) {
		unsigned char c = (unsigned char)repaired.data[i];
		if (c < ' ' || c == 0x7f)
			c = ' ';
		if (c >= 0x80 && !may_be_utf8) {
			/* One "?" for each character. */
			if ((c & 0xc0) == 0x80)
				continue;
			c = '?';
		}
		buffer_add_byte(out, (char)c);
	}
	buffer_fini(&repaired);
}

static void
add_date(struct buffer *out, const char *name, int64_t seconds)
{
	buffer_print(out, "%s: ", name);
	date_format_header(out, seconds, 0);
	buffer_add_string(out, "\r\n");
}

static void
add_boundary(struct buffer *out, const struct dsn_report *report)
{
	buffer_print(out, "=_report_%.*s", SPAN_PRINT(report->id));
}

static void
begin_part(struct buffer *out, const struct dsn_report *report,
	const char *type, const char *encoding)
{
	buffer_add_string(out, "\r\n--");
	add_boundary(out, report);
	buffer_print(out, "\r\nContent-Type: %s\r\n", type);
	if (encoding != NULL)
		buffer_print(out, "Content-Transfer-Encoding: %s\r\n",
			encoding);
	buffer_add_string(out, "\r\n");
}

static bool
has_action(const struct dsn_report *report, enum dsn_action action)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->recipient[i].action == action)
			return true;
	return false;
}

static bool
has_8bit_text(const struct dsn_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (!utf8_is_ascii(report->recipient[i].final) ||
		    !utf8_is_ascii(report->recipient[i].text))
			return true;
	return report->language != DSN_ENGLISH;
}

/* ---- header ---- */

static void
add_subject(struct buffer *out, const struct dsn_report *report)
{
	enum dsn_action worst = DSN_FAILED;
	while (worst + 1 < DSN_ACTIONS && !has_action(report, worst))
		worst++;
	buffer_add_string(out, "Subject: ");
	if (report->language == DSN_CHINESE) {
		/* RFC 2047 2; all of them are short enough for one word. */
		buffer_add_string(out, "=?utf-8?B?");
		base64_encode(out, span_from(chinese[worst].subject));
		buffer_add_string(out, "?=\r\n\t");
	}
	buffer_print(out, "%s\r\n", report->is_double ?
		"A report could not be delivered" : english[worst].subject);
}

static void
add_header(struct buffer *out, const struct dsn_report *report)
{
	add_date(out, "Date", report->date);
	buffer_print(out, "From: Mail Delivery System <MAILER-DAEMON@%.*s>\r\n"
		"To: <", SPAN_PRINT(report->domain));
	add_clean(out, report->to, report->is_utf8);
	buffer_add_string(out, ">\r\n");
	add_subject(out, report);
	buffer_print(out, "Message-ID: <%.*s@%.*s>\r\n"
		"Auto-Submitted: auto-replied\r\n"	/* RFC 3834 5 */
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=%s;\r\n"
		"\tboundary=\"", SPAN_PRINT(report->id),
		SPAN_PRINT(report->host), report->is_utf8 ?
		"global-delivery-status" : "delivery-status");
	add_boundary(out, report);
	buffer_add_string(out, "\"\r\n");
	if (has_8bit_text(report) || report->is_8bit || report->is_utf8)
		buffer_add_string(out, "Content-Transfer-Encoding: 8bit\r\n");
	buffer_add_string(out, "\r\nThis is a report about the delivery of a "
		"message, in MIME format.\r\n");
}

/* ---- the text for people ---- */

static void
add_people(struct buffer *out, const struct dsn_report *report,
	enum dsn_action action)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct dsn_recipient *recipient = &report->recipient[i];
		if (recipient->action != action)
			continue;
		buffer_add_string(out, "\r\n    <");
		add_clean(out, recipient->final, true);
		buffer_add_string(out, ">\r\n");
		if (recipient->text.size == 0)
			continue;
		buffer_add_string(out, "        ");
		add_clean(out, recipient->text, true);
		buffer_add_string(out, "\r\n");
	}
}

static void
add_language(struct buffer *out, const struct dsn_report *report,
	const struct words *words, bool is_chinese)
{
	for (enum dsn_action i = 0; i < DSN_ACTIONS; i++) {
		if (!has_action(report, i))
			continue;
		buffer_print(out, "\r\n%s\r\n", words[i].text);
		add_people(out, report, i);
		if (i != DSN_DELAYED)
			continue;
		buffer_add_string(out, is_chinese ?
			"\r\n系统会继续尝试，您不必重发。放弃的时间：" :
			"\r\nDelivery is tried again; you need not send it "
			"again. It ends at ");
		date_format_header(out, report->retry_until, 0);
		buffer_add_string(out, is_chinese ? "。\r\n" : ".\r\n");
	}
}

static void
add_text(struct buffer *out, const struct dsn_report *report)
{
	begin_part(out, report, "text/plain; charset=utf-8",
		has_8bit_text(report) ? "8bit" : "7bit");
	if (report->language == DSN_CHINESE) {
		buffer_print(out, "这是 %.*s 的邮件系统。\r\n",
			SPAN_PRINT(report->host));
		add_language(out, report, chinese, true);
		buffer_add_string(out, "\r\n----\r\n\r\n");
	}
	buffer_print(out, "This is the mail system of %.*s.\r\n",
		SPAN_PRINT(report->host));
	if (report->is_double)
		buffer_add_string(out, "\r\nThe message below is a report that "
			"this system made and could not\r\ndeliver.\r\n");
	add_language(out, report, english, false);
	buffer_add_string(out, "\r\n");
}

/* ---- the machine's part ---- */

/* RFC 3464 2.3.1: type and address, xtext undone. */
static void
add_original(struct buffer *out, const struct dsn_report *report,
	struct span orcpt)
{
	struct buffer address;
	size_t semicolon = span_find(orcpt, ';');
	if (semicolon == orcpt.size)
		return;
	buffer_init(&address, 0);
	if (smtp_xtext_decode(&address, span_skip(orcpt, semicolon + 1))) {
		buffer_add_string(out, "Original-Recipient: ");
		add_clean(out, span_first(orcpt, semicolon), false);
		buffer_add_string(out, "; ");
		add_clean(out, buffer_span(&address), report->is_utf8);
		buffer_add_string(out, "\r\n");
	}
	buffer_fini(&address);
}

static void
add_diagnostic(struct buffer *out, const struct dsn_report *report,
	const struct dsn_recipient *recipient)
{
	if (recipient->host.size > 0) {
		buffer_add_string(out, "Remote-MTA: dns; ");
		add_clean(out, recipient->host, false);
		buffer_add_string(out, "\r\n");
	}
	if (recipient->code < 300)
		return;
	buffer_add_string(out, "Diagnostic-Code: smtp; ");
	if (recipient->diagnostic.size > 0) {
		add_clean(out, recipient->diagnostic, report->is_utf8);
		buffer_add_string(out, "\r\n");
		return;
	}
	buffer_print(out, "%u ", recipient->code);
	if (recipient->status.size > 0)
		buffer_print(out, "%.*s ", SPAN_PRINT(recipient->status));
	add_clean(out, recipient->text, report->is_utf8);
	buffer_add_string(out, "\r\n");
}

static void
add_recipient(struct buffer *out, const struct dsn_report *report,
	const struct dsn_recipient *recipient)
{
	bool is_utf8 = !utf8_is_ascii(recipient->final);
	buffer_add_string(out, "\r\n");
	add_original(out, report, recipient->original);
	/* RFC 6533 3 */
	buffer_print(out, "Final-Recipient: %s; ", is_utf8 && report->is_utf8 ?
		"utf-8" : "rfc822");
	add_clean(out, recipient->final, report->is_utf8);
	buffer_print(out, "\r\nAction: %s\r\nStatus: ",
		action_names[recipient->action]);
	if (recipient->status.size > 0)
		buffer_add(out, recipient->status);
	else
		buffer_add_string(out, standard_status[recipient->action]);
	buffer_add_string(out, "\r\n");
	add_diagnostic(out, report, recipient);
	if (recipient->last_attempt != 0)
		add_date(out, "Last-Attempt-Date", recipient->last_attempt);
	if (recipient->action == DSN_DELAYED)
		add_date(out, "Will-Retry-Until", report->retry_until);
}

static void
add_status(struct buffer *out, const struct dsn_report *report)
{
	struct buffer envid;
	begin_part(out, report, report->is_utf8 ?
		"message/global-delivery-status" : "message/delivery-status",
		report->is_utf8 ? "8bit" : NULL);
	buffer_print(out, "Reporting-MTA: dns; %.*s\r\n",
		SPAN_PRINT(report->host));
	buffer_init(&envid, 0);
	if (report->envid.size > 0 && smtp_xtext_decode(&envid,
		report->envid)) {
		buffer_add_string(out, "Original-Envelope-Id: ");
		add_clean(out, buffer_span(&envid), report->is_utf8);
		buffer_add_string(out, "\r\n");
	}
	buffer_fini(&envid);
	add_date(out, "Arrival-Date", report->arrival);
	buffer_add_string(out, "X-Posthouse-Id: ");
	add_clean(out, report->trace, false);
	buffer_add_string(out, "\r\n");
	for (size_t i = 0; i < report->count; i++)
		add_recipient(out, report, &report->recipient[i]);
}

/* ---- the whole ---- */

void
dsn_add_head(struct buffer *out, const struct dsn_report *report)
{
	static const char *const types[2][2] = {
		[DSN_RETURN_HEADER] = { "text/rfc822-headers",
			"message/global-headers" },
		[DSN_RETURN_WHOLE] = { "message/rfc822", "message/global" },
	};
	add_header(out, report);
	add_text(out, report);
	add_status(out, report);
	begin_part(out, report, types[report->returned][report->is_utf8],
		report->is_8bit || report->is_utf8 ? "8bit" : "7bit");
}

void
dsn_add_tail(struct buffer *out, const struct dsn_report *report)
{
	buffer_add_string(out, "\r\n--");
	add_boundary(out, report);
	buffer_add_string(out, "--\r\n");
}

struct span
dsn_header(struct span message)
{
	if (span_starts(message, SPAN("\r\n")))
		return span_first(message, 0);
	size_t end = span_search(message, SPAN("\r\n\r\n"));
	return end < message.size ? span_first(message, end + 2) : message;
}
