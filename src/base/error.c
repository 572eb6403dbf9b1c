/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <migkit/error.h>

int mig_fail(struct mig_error *reterr, int code, const char *fmt, ...)
{
	va_list ap;

	if (!reterr)
		return code;
	va_start(ap, fmt);
	reterr->code = code;
	reterr->nvml = 0;
	vsnprintf(reterr->msg, sizeof(reterr->msg), fmt, ap);
	va_end(ap);
	return code;
}

int mig_fail_wrap(struct mig_error *reterr, int code, const char *fmt, ...)
{
	char context[sizeof(reterr->msg)];
	char sentence[sizeof(reterr->msg)];
	va_list ap;

	if (!reterr)
		return code;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(sentence, reterr->msg, sizeof(sentence));
	reterr->code = code;
	/* Both parts may be as long as the whole: the sentence is cut, which %.*s says openly. */
	snprintf(reterr->msg, sizeof(reterr->msg), "%.*s: %.*s", (int)sizeof(context) / 3, context,
		 (int)(sizeof(sentence) * 2 / 3) - 4, sentence);
	return code;
}
