/*
 * One page, in the language of the reader: three ways to set up a mail program,
 * and the table for those that ask for everything. It is the same for everybody
 * and says nothing about who has an account.
 */
#include "web/welcome.h"

#include <stdio.h>

#include "web/mail_domain.h"
#include "web/markup.h"
#include "web/paper.h"
#include "web/picture.h"

enum word { WORD_TITLE, WORD_INTRODUCTION, WORD_PROGRAMS, WORD_PHONE,
	WORD_ADDRESS, WORD_PROFILE, WORD_PICTURE, WORD_BY_HAND,
	WORD_PROTOCOL, WORD_SERVER, WORD_PORT, WORD_SECURITY, WORD_NAME,
	WORD_READ, WORD_READ_POP3, WORD_SEND, WORD_COUNT };

static const char *const words[WORD_COUNT][LANGUAGE_COUNT] = {
	[WORD_TITLE] = { "Mail for ", "邮件服务：" },
	[WORD_INTRODUCTION] = { "This server keeps your mail. To read it, set "
		"up a mail program once.", "本服务器保存您的邮件。只需设置一次邮件程序即可阅读。" },
	[WORD_PROGRAMS] = { "Thunderbird, Outlook and most others find all "
		"settings by themselves: give them your address and your "
		"password.",
		"Thunderbird、Outlook 等大多数程序会自动找到全部设置：输入邮件地址和密码即可。" },
	[WORD_PHONE] = { "iPhone, iPad and Mac", "iPhone、iPad 和 Mac" },
	[WORD_ADDRESS] = { "Your address", "您的邮件地址" },
	[WORD_PROFILE] = { "Get the profile", "下载描述文件" },
	[WORD_PICTURE] = { "On a phone: point its camera here.",
		"用手机：请用相机扫描。" },
	[WORD_BY_HAND] = { "Settings, if you are asked for them",
		"如需手工填写" },
	[WORD_PROTOCOL] = { "For", "用途" },
	[WORD_SERVER] = { "Server", "服务器" },
	[WORD_PORT] = { "Port", "端口" },
	[WORD_SECURITY] = { "Security", "加密" },
	[WORD_NAME] = { "The user name is your whole address.",
		"用户名是完整的邮件地址。" },
	[WORD_READ] = { "Reading (IMAP)", "收信（IMAP）" },
	[WORD_READ_POP3] = { "Reading (POP3)", "收信（POP3）" },
	[WORD_SEND] = { "Sending (SMTP)", "发信（SMTP）" },
};

static void
add_word(struct buffer *out, enum word word, enum language language)
{
	buffer_add_string(out, words[word][language]);
}

/* It breaks behind a dot rather than anywhere. */
static void
add_host(struct buffer *out, struct span host)
{
	while (host.size > 0) {
		size_t size = span_find(host, '.') + 1;
		markup_add(out, span_first(host, size));
		host = span_skip(host, size);
		if (host.size > 0)
			buffer_add_string(out, "<wbr>");
	}
}

static void
add_row(struct buffer *out, const struct settings *settings,
	const struct settings_service *service, enum language language)
{
	static const enum word names[] = { [SETTINGS_IMAP] = WORD_READ,
		[SETTINGS_POP3] = WORD_READ_POP3, [SETTINGS_SMTP] = WORD_SEND };
	buffer_add_string(out, "<tr><td>");
	add_word(out, names[service->protocol], language);
	buffer_add_string(out, "<td>");
	add_host(out, span_from(settings->hostname));
	buffer_print(out, "<td>%u<td>%s\n", service->port,
		service->is_tls ? "SSL/TLS" : "STARTTLS");
}

static void
add_table(struct buffer *out, const struct settings *settings,
	enum language language)
{
	static const enum word heads[] = { WORD_PROTOCOL, WORD_SERVER,
		WORD_PORT, WORD_SECURITY };
	buffer_add_string(out, "<table>\n<tr>");
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		buffer_add_string(out, "<th>");
		add_word(out, heads[i], language);
	}
	buffer_add_string(out, "\n");
	for (size_t i = 0; i < settings->count; i++)
		add_row(out, settings, &settings->service[i], language);
	buffer_add_string(out, "</table>\n");
}

/* The profile is fetched for an address, or without one: then the phone asks. */
static void
add_phone(const struct question *question, struct buffer *out,
	enum language language, struct span domain)
{
	const struct web_rules *rules = question->rules;
	struct buffer url;
	buffer_init(&url, 0);
	buffer_print(&url, "https://%s", rules->hostname);
	if (rules->https_port != 443)
		buffer_print(&url, ":%u", rules->https_port);
	buffer_print(&url, "/mobileconfig?email=@%.*s", SPAN_PRINT(domain));
	buffer_add_string(out, "\n<h2>");
	add_word(out, WORD_PHONE, language);
	buffer_add_string(out, "</h2>\n<form action=\"/mobileconfig\"><label>");
	add_word(out, WORD_ADDRESS, language);
	buffer_add_string(out, " <input name=\"email\" type=\"email\" "
		"required placeholder=\"@");
	markup_add(out, domain);
	buffer_add_string(out, "\"></label> <button>");
	add_word(out, WORD_PROFILE, language);
	buffer_add_string(out, "</button></form>\n<p class=\"camera\">");
	add_word(out, WORD_PICTURE, language);
	buffer_add_string(out, "<br>\n");
	picture_add(out, buffer_span(&url));
	buffer_fini(&url);
}

void
welcome_answer(const struct question *question, struct answer *answer)
{
	struct buffer *out = &answer->body;
	enum language language = paper_language(question);
	struct span domain;
	if (!mail_domain_find(question, "autoconfig.", span_of("", 0), &domain,
	    answer))
		return;
	paper_begin(answer, language, words[WORD_TITLE][language], domain);
	buffer_add_string(out, "<p>");
	add_word(out, WORD_INTRODUCTION, language);
	buffer_add_string(out, "\n<p>");
	add_word(out, WORD_PROGRAMS, language);
	add_phone(question, out, language, domain);
	buffer_add_string(out, "\n<h2>");
	add_word(out, WORD_BY_HAND, language);
	buffer_add_string(out, "</h2>\n");
	add_table(out, &question->rules->settings, language);
	buffer_add_string(out, "<p>");
	add_word(out, WORD_NAME, language);
	paper_end(answer);
}
