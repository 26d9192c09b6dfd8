/*
 * Apple's configuration profile with one mail account (com.apple.mail.managed).
 * It is not signed: what vouches for it is the TLS that it came by. Its UUIDs
 * follow from domain and address, so that a second one replaces the first.
 */
#include "web/profile.h"

#include <openssl/evp.h>

#include "web/mail_domain.h"
#include "web/markup.h"
#include "web/paper.h"
#include "web/path.h"

/* RFC 9562 5.8: version 8, out of a digest. */
static void
add_uuid(struct buffer *out, const char *kind, struct span domain,
	struct span address)
{
	struct buffer text;
	uint8_t digest[32] = { 0 };
	buffer_init(&text, 0);
	buffer_print(&text, "%s %.*s %.*s", kind, SPAN_PRINT(domain),
		SPAN_PRINT(address));
	EVP_Digest(text.data, text.size, digest, NULL, EVP_sha256(), NULL);
	buffer_fini(&text);
	digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80);
	digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buffer_add_byte(out, '-');
		buffer_print(out, "%02X", digest[i]);
	}
}

static void
add_text(struct buffer *out, const char *key, struct span value)
{
	buffer_print(out, "<key>%s</key><string>", key);
	markup_add(out, value);
	buffer_add_string(out, "</string>\n");
}

static void
add_server(struct buffer *out, const char *kind,
	const struct settings *settings,
	const struct settings_service *service, struct span address)
{
	buffer_print(out, "<key>%sMailServerAuthentication</key>"
		"<string>EmailAuthPassword</string>\n"
		"<key>%sMailServerHostName</key><string>", kind, kind);
	markup_add(out, span_from(settings->hostname));
	buffer_print(out, "</string>\n<key>%sMailServerPortNumber</key>"
		"<integer>%u</integer>\n<key>%sMailServerUseSSL</key><true/>\n",
		kind, service->port, kind);
	if (address.size == 0)
		return;
	buffer_print(out, "<key>%sMailServerUsername</key><string>", kind);
	markup_add(out, address);
	buffer_add_string(out, "</string>\n");
}

static void
add_account(struct buffer *out, const struct settings *settings,
	struct span domain, struct span address)
{
	const struct settings_service *incoming = settings_best(settings,
		SETTINGS_IMAP);
	const struct settings_service *outgoing = settings_best(settings,
		SETTINGS_SMTP);
	bool is_imap = incoming != NULL;
	if (incoming == NULL)
		incoming = settings_best(settings, SETTINGS_POP3);
	buffer_add_string(out, "<dict>\n");
	add_text(out, "EmailAccountType", is_imap ? SPAN("EmailTypeIMAP") :
		SPAN("EmailTypePOP"));
	add_text(out, "EmailAccountDescription", domain);
	if (address.size > 0)
		add_text(out, "EmailAddress", address);
	if (incoming != NULL)
		add_server(out, "Incoming", settings, incoming, address);
	if (outgoing != NULL)
		add_server(out, "Outgoing", settings, outgoing, address);
	buffer_add_string(out, "<key>OutgoingPasswordSameAsIncomingPassword"
		"</key><true/>\n");
	add_text(out, "PayloadType", SPAN("com.apple.mail.managed"));
	buffer_add_string(out, "<key>PayloadVersion</key><integer>1</integer>\n"
		"<key>PayloadIdentifier</key><string>posthouse.");
	markup_add(out, domain);
	buffer_add_string(out, ".mail</string>\n"
		"<key>PayloadUUID</key><string>");
	add_uuid(out, "mail", domain, address);
	buffer_add_string(out, "</string>\n");
	add_text(out, "PayloadDisplayName", domain);
	buffer_add_string(out, "</dict>\n");
}

/* A person has typed it. */
static void
refuse(const struct question *question, unsigned status, struct span domain,
	struct answer *answer)
{
	static const char *const words[2][LANGUAGE_COUNT] = {
		{ "That is no mail address.", "这不是邮件地址。" },
		{ "Mail of that domain is not on this server.",
		"本服务器没有这个域的邮件。" },
	};
	static const char *const titles[LANGUAGE_COUNT] = { "Mail for ",
		"邮件服务：" };
	static const char *const back[LANGUAGE_COUNT] = { "Back", "返回" };
	enum language language = paper_language(question);
	answer->status = status;
	paper_begin(answer, language, titles[language], domain);
	buffer_print(&answer->body, "<p>%s\n<p><a href=\"/\">%s</a>",
		words[status == 404][language], back[language]);
	paper_end(answer);
}

void
profile_answer(const struct question *question, struct answer *answer)
{
	struct span address = span_of("", 0), domain;
	struct buffer *out = &answer->body;
	path_query(question->request->query, SPAN("email"), question->arena,
		&address);
	/* "@DOMAIN": of that domain, whoever it will be. */
	bool is_open = address.size > 0 && address.data[0] == '@';
	struct span asked = is_open ? arena_print(question->arena, "x%.*s",
		SPAN_PRINT(address)) : address;
	if (asked.size > 0 && !mail_domain_is_address(asked)) {
		refuse(question, 400, question->host, answer);
		return;
	}
	if (!mail_domain_find(question, "autoconfig.", asked, &domain,
	    answer)) {
		if (answer->status == 404)
			refuse(question, 404, question->host, answer);
		return;
	}
	if (is_open)
		address = span_of("", 0);
	answer->type = "application/x-apple-aspen-config; charset=utf-8";
	answer->file = "mail.mobileconfig";
	buffer_add_string(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
		"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
		"<plist version=\"1.0\">\n<dict>\n"
		"<key>PayloadContent</key><array>\n");
	add_account(out, &question->rules->settings, domain, address);
	buffer_add_string(out, "</array>\n");
	add_text(out, "PayloadType", SPAN("Configuration"));
	buffer_add_string(out, "<key>PayloadVersion</key><integer>1</integer>\n"
		"<key>PayloadIdentifier</key><string>posthouse.");
	markup_add(out, domain);
	buffer_add_string(out, "</string>\n<key>PayloadUUID</key><string>");
	add_uuid(out, "profile", domain, address);
	buffer_add_string(out, "</string>\n");
	add_text(out, "PayloadDisplayName", domain);
	add_text(out, "PayloadOrganization", domain);
	buffer_add_string(out, "</dict>\n</plist>\n");
}
