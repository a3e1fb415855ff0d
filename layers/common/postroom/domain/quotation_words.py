# ruff: noqa: RUF001 - words of many scripts
"""What mail programs, and people, write around what they quote, in many languages.

The words were collected from the programs' own mail. One that lacks leaves a line too many; each
is as narrow as its programs allow, so that none takes away what somebody wrote themselves.
"""

import re


def _words(text: str) -> frozenset[str]:
    """Return what stands between bars and line breaks."""
    return frozenset(" ".join(word.split()) for word in re.split(r"[|\n]", text)) - {""}


WROTE = re.compile(
    r"""(?:
        On\s.+\swrote                           # English
      | Am\s.+\sschrieb(?:\s.+)? | .+\sschrieb\sam\s.+ | Von:\s.+\san\s.+  # German
      | (?:Le|Il\sy\sa)\s.+\sa\sécrit           # French
      | El\s.+\sescribió                        # Spanish
      | Il\s.+\sha\sscritto                     # Italian
      | (?:Em|A|No\sdia)\s.+\sescreveu          # Portuguese
      | Op\s.+\s(?:schreef(?:\s.+)?|geschreven) # Dutch
      | .+\snapisał(?:a|\(a\))?                 # Polish
      | .+\snapsal(?:a|\(a\))?                  # Czech
      | .+\snapísal(?:a|\(a\))?                 # Slovak
      | .+\sskrev(?:\s.+)?                      # Danish, Norwegian, Swedish
      | .+\skirjoitti(?:\s.+)?                  # Finnish
      | .+\s(?:написала?|написал\(а\)|пишет)    # Russian
      | .+\s(?:написав|написала|пише)           # Ukrainian
      | .+\s(?:şunu\s)?yazdı                    # Turkish
      | .+\s(?:ezt\s)?írta(?:\s.+)?             # Hungarian
      | .+\sa\sscris                            # Romanian
      | .+\sέγραψε                              # Greek
      | .*\d{4}年\d{1,2}月\d{1,2}日.*           # Japanese, and Chinese: … 写道
      | .*(?:写道|寫道)
      | .*\d{4}년\s\d{1,2}월\s\d{1,2}일.*작성   # Korean
    )\s?[:：]""",
    re.VERBOSE,
)

DATED = re.compile(r"\d{4}|\d{1,2}[:.h]\d{2}|@")
"""An attribution says when, or who by an address; people who write about writing seldom do."""

LABEL = re.compile(r"[*\s]*([^:：*]{1,20}?)[\s*]*[:：]")
FROM_LABELS = _words(
    """
    from|von|de|da|van|od|från|fra|от|от кого|від|lähettäjä|kimden|gönderen|feladó|de la|remetente
    mittente|expéditeur|absender|afzender|nadawca|odesílatel|από|差出人|发件人|寄件者|寄件人
    보낸 사람|보낸사람
    """
)
OTHER_LABELS = _words(
    """
    sent|date|to|cc|subject|reply-to|gesendet|datum|an|kopie|betreff|envoyé|à|objet|sujet
    destinataire|enviado|enviado el|fecha|para|asunto|destinatario|inviato|data|a|oggetto|enviada
    assunto|verzonden|aan|onderwerp|wysłano|do|temat|dw|odesláno|komu|předmět|kopia|till|ämne
    skickat|sendt|dato|til|emne|отправлено|дата|кому|тема|копия|надіслано|копія|lähetetty
    vastaanottaja|aihe|gönderildi|tarih|kime|konu|küldve|címzett|tárgy|dátum|trimis|către|subiect
    στάλθηκε|προς|θέμα|送信日時|日時|宛先|件名|发送时间|日期|收件人|主题|抄送|傳送時間|收件者|主旨
    보낸 날짜|보낸날짜|날짜|받는 사람|받는사람|제목
    """
)
BEFORE_HEADERS = re.compile(r"[-_—=]{2,}.{0,60}|.{0,60}[-_—=]{2,}|[^.?!]{3,60}:")
"""Such as `-----Original Message-----`, a line of underscores, `Begin forwarded message:`."""

PHONE_LINE = re.compile(
    r"""(?:
        sent\sfrom\s(?:my\s)?.+ | get\soutlook\sfor\s.+
      | (?:von|mit)\smein(?:em|er)\s.+\s(?:gesendet|geschickt) | gesendet\s(?:von|mit)\s.+
      | outlook\sfür\s.+ | holen\ssie\ssich\soutlook\s.+
      | envoyé\s(?:de(?:puis)?|à\spartir\sde)\s.+ | (?:obtenez|télécharger)\soutlook\s.+
      | enviado\s(?:desde|do|a\spartir\sd[oe]|via)\s.+
      | (?:obtener|obter\so)\soutlook\s.+
      | inviato\sda.+ | (?:ottieni|scarica)\soutlook\s.+
      | ver(?:stuurd|zonden)\svanaf\s.+ | outlook\svoor\s.+
      | wysłan[eo]\sz\s.+ | pobierz\soutlook.+
      | отправлено\s(?:с|из)\s.+ | надіслано\sз\s.+
      | skickat\sfrån\s.+ | sendt\sfra\s.+ | hämta\soutlook\s.+ | hent\soutlook\s.+
      | .{1,30}から送信 | 发自我的.+ | 从我的.+发送 | 傳送自我的.+ | .{1,30}에서\s보냄
    )""",
    re.VERBOSE | re.IGNORECASE,
)

FAREWELLS = _words(
    """
    best|best regards|best wishes|kind regards|kindest regards|warm regards|warmest regards|regards
    many thanks|thanks|thank you|thanks again|thanks in advance|thanks and regards|cheers|sincerely
    yours|yours sincerely|yours truly|yours faithfully|sincerely yours|all the best|take care|love
    talk soon|with best regards|with kind regards|respectfully|cordially|warmly
    mit freundlichen grüßen|mit freundlichem gruß|freundliche grüße|viele grüße|liebe grüße|grüße
    beste grüße|herzliche grüße|schöne grüße|gruß|viele liebe grüße|mfg|lg|vg|vielen dank|danke
    mit besten grüßen|hochachtungsvoll|danke und viele grüße|mit freundlichen grüssen
    freundliche grüsse|viele grüsse|liebe grüsse|beste grüsse
    cordialement|bien cordialement|très cordialement|sincères salutations|meilleures salutations
    bien à vous|bien à toi|amicalement|salutations distinguées|merci|merci d'avance|bises|à bientôt
    saludos|un saludo|saludos cordiales|un cordial saludo|atentamente|cordialmente|gracias
    muchas gracias|un abrazo|abrazos
    cordiali saluti|distinti saluti|un saluto|saluti|un caro saluto|grazie|grazie mille|a presto
    atenciosamente|cumprimentos|com os melhores cumprimentos|melhores cumprimentos|abraços|abraço
    obrigado|obrigada|um abraço|att
    met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|groeten
    groetjes|hartelijke groet|hartelijke groeten|bedankt|alvast bedankt|mvg
    pozdrawiam|z poważaniem|z wyrazami szacunku|serdecznie pozdrawiam|pozdrowienia|dziękuję
    s pozdravem|děkuji|s přátelským pozdravem|s pozdravom|ďakujem
    med venlig hilsen|venlig hilsen|de bedste hilsner|mange tak|kærlig hilsen|mvh|vh
    med vänliga hälsningar|vänliga hälsningar|hälsningar|tack|med vänlig hälsning|bästa hälsningar
    med vennlig hilsen|vennlig hilsen|hilsen|beste hilsen
    ystävällisin terveisin|terveisin|kiitos|parhain terveisin
    с уважением|всего доброго|с наилучшими пожеланиями|спасибо|з повагою|дякую|до свидания
    saygılarımla|iyi çalışmalar|teşekkürler|sevgiler|üdvözlettel|köszönettel|köszönöm
    cu stimă|mulțumesc|με εκτίμηση|ευχαριστώ
    よろしくお願いします|よろしくお願いいたします|宜しくお願いいたします|以上
    此致|敬礼|祝好|谢谢|此致敬礼|顺颂商祺|謝謝|敬上|감사합니다|고맙습니다|드림
    """
)

FAREWELL_ENDS = " ,.;:!-–—~。、，！"
"""What may stand around a farewell."""

COLONS = ":："
