"""The sample mail of the local stack: who the people are and what they write.

Everyone here is invented; all domains are reserved for examples (RFC 2606).
"""

from dataclasses import dataclass

GOOGLE_MAILBOXES = {
    "anna.lindqvist@gmail.example": "Anna Lindqvist",
    "kenji.mori@gmail.example": "森 健二",
    "lucia.ferrari@gmail.example": "Lucia Ferrari",
}
MICROSOFT_MAILBOXES = {
    "jonas.weber@outlook.example": "Jonas Weber",
    "amina.diallo@outlook.example": "Amina Diallo",
    "marta.silva@casaverde.example": "Marta Silva",
}
"""Two personal accounts and one of an organisation."""

PEOPLE = {
    "anna": ("Anna Lindqvist", "anna.lindqvist@gmail.example"),
    "kenji": ("森 健二", "kenji.mori@gmail.example"),
    "lucia": ("Lucia Ferrari", "lucia.ferrari@gmail.example"),
    "jonas": ("Jonas Weber", "jonas.weber@outlook.example"),
    "amina": ("Amina Diallo", "amina.diallo@outlook.example"),
    "marta": ("Marta Silva", "marta.silva@casaverde.example"),
    "board": ("Bostadsrättsföreningen Linden", "styrelsen@brf-linden.example"),
    "press": ("Harbour Press", "orders@harbourpress.example"),
    "rail": ("Nordic Rail", "no-reply@nordicrail.example"),
    "weekly": ("The Slow Web", "letter@slowweb.example"),
    "shop": ("北の茶屋", "info@kitanochaya.example"),
    "school": ("Liceo Galileo", "segreteria@liceogalileo.example"),
    "code": ("Codeforge", "notifications@codeforge.example"),
    "bank": ("Banco do Porto", "avisos@bancodoporto.example"),
    "paper": ("Papier & Söhne", "vertrieb@papier-soehne.example"),
    "town": ("Mairie de Lyon 4e", "associations@lyon4.example"),
    "dentist": ("Zahnarztpraxis am Park", "praxis@zahnarzt-park.example"),
}


@dataclass(frozen=True)
class Letter:
    """One message of a conversation. `hours` is how long after the one before it came."""

    sender: str
    text: str
    hours: float = 5
    files: tuple[str, ...] = ()
    html: str = ""
    """Template of its HTML: `newsletter`, `receipt`, `picture`, or none."""


@dataclass(frozen=True)
class Conversation:
    """Messages of one thread, oldest first; everyone else in `people` receives each of them."""

    subject: str
    people: tuple[str, ...]
    days_ago: float
    letters: tuple[Letter, ...]
    label: str = ""


def _talk(
    subject: str, people: str, days_ago: float, *letters: Letter, label: str = ""
) -> Conversation:
    return Conversation(subject, tuple(people.split()), days_ago, letters, label)


CONVERSATIONS = (
    _talk(
        "Exhibition in Gothenburg: first ideas",
        "anna kenji lucia",
        41,
        Letter(
            "anna",
            "Hi both,\n\nThe gallery offers us the two rooms upstairs in May. "
            "I attached the floor plan. What could we show?\n\nAnna",
            0,
            ("floor plan.pdf",),
        ),
        Letter(
            "lucia",
            "Che bello! I have twelve new prints, all A2. The long wall would be perfect for them.",
            7,
        ),
        Letter(
            "kenji",
            "素晴らしいですね。\n\nI could bring the paper lamps from Kyoto. "
            "They need one socket each, eight in all.",
            14,
        ),
        Letter(
            "anna",
            "Eight sockets is possible, I asked. "
            "Lucia, could you send me the sizes including frames?",
            22,
        ),
        Letter(
            "lucia", "Here is the list. Two of them are still at the framer's.", 30, ("sizes.csv",)
        ),
        label="Exhibition",
    ),
    _talk(
        "Invitation text",
        "anna kenji lucia jonas",
        26,
        Letter(
            "anna",
            "Here is a draft in English and Swedish:\n\n"
            '"Ljus och papper. Three friends, two rooms, one month."\n\n'
            "Who writes the Italian and the Japanese?",
            0,
        ),
        Letter(
            "lucia", '"Luce e carta. Tre amici, due stanze, un mese." Semplice, mi piace così.', 3
        ),
        Letter("kenji", "「光と紙」 三人の友、二つの部屋、ひと月。\n\nいかがでしょうか。", 9),
        Letter(
            "jonas",
            "„Licht und Papier“ für das deutsche Plakat? Ich kann es bis Freitag setzen.",
            12,
        ),
        Letter("anna", "Perfect, all of you. Jonas, Friday is early enough.", 2),
        label="Exhibition",
    ),
    _talk(
        "Poster, second version",
        "jonas anna lucia kenji",
        19,
        Letter(
            "jonas",
            "Anbei die zweite Fassung. Das Blau ist jetzt etwas wärmer.",
            0,
            ("poster.png", "poster.pdf"),
            "picture",
        ),
        Letter("anna", "The warmer blue is right. Could the date be a little larger?", 4),
        Letter("kenji", "文字の余白がとても良いと思います。", 11),
        Letter(
            "jonas",
            "Datum ist größer. Geht so in den Druck, wenn niemand widerspricht.",
            20,
            ("poster final.pdf",),
        ),
        label="Exhibition",
    ),
    _talk(
        "Transport of the lamps",
        "kenji anna",
        15,
        Letter(
            "kenji",
            "Dear Anna,\n\nthe lamps will be in three boxes, 80 x 60 x 60 cm. "
            "The carrier needs an address with a ramp.",
            0,
        ),
        Letter(
            "anna",
            "Use the back entrance: Magasinsgatan 9. There is a ramp, "
            "and Per will be there from eight.",
            6,
        ),
        Letter("kenji", "Thank you. 届きましたらご連絡ください。", 10),
        Letter(
            "anna",
            "They are here! One box has a dent, but the lamps are whole. Photo attached.",
            130,
            ("box.png",),
        ),
        Letter("kenji", "安心しました。ありがとうございます!", 3),
    ),
    _talk(
        "Cena sabato?",
        "lucia anna",
        12,
        Letter("lucia", "Sono a Göteborg da venerdì. Ceniamo insieme sabato?", 0),
        Letter("anna", "Sì! I book a table at the harbour, 19:00. Fish or vegetarian?", 2),
        Letter("lucia", "Pesce, sempre pesce 🐟", 1),
        Letter("anna", "Booked. See you there!", 1),
    ),
    _talk(
        "Angebot Rahmen und Glas",
        "amina lucia anna",
        9,
        Letter(
            "amina",
            "Bonjour Lucia,\n\nvoici le devis pour douze cadres avec verre antireflet. "
            "La livraison prend dix jours.\n\nAmina",
            0,
            ("devis.pdf",),
        ),
        Letter("lucia", "Merci Amina! Is there a price without the glass for four of them?", 8),
        Letter(
            "amina",
            "Oui, 38 € de moins par cadre. J'ai mis à jour le devis.",
            16,
            ("devis v2.pdf",),
        ),
        Letter("lucia", "Perfetto, confermo.", 4),
    ),
    _talk(
        "Opening night: who does what",
        "anna kenji lucia jonas amina",
        4,
        Letter(
            "anna", "Speech: me, two minutes. Music: Lucia's cousin. Who looks after the door?", 0
        ),
        Letter("jonas", "Die Tür mache ich, mit Vergnügen.", 2),
        Letter("amina", "Je m'occupe du buffet. Des allergies?", 5),
        Letter("kenji", "えびアレルギーがあります。(I cannot eat shrimp.)", 8),
        Letter("lucia", "Noted: niente gamberi!", 1),
        Letter("amina", "Aucun problème, pas de crevettes.", 3),
        label="Exhibition",
    ),
    _talk(
        "Photos from Saturday",
        "lucia anna kenji",
        2,
        Letter(
            "lucia",
            "Ecco le foto! The second one is my favourite.",
            0,
            ("harbour.png", "dinner.png"),
            "picture",
        ),
        Letter("anna", "So beautiful. May I use the first for the invitation?", 6),
        Letter("lucia", "Certo!", 1),
    ),
    _talk(
        "Kallelse till årsstämma",
        "board anna",
        33,
        Letter(
            "board",
            "Hej!\n\nVälkommen till föreningens årsstämma torsdag 24 kl. 18.30 "
            "i gårdshuset. Dagordning bifogas.\n\nStyrelsen",
            0,
            ("dagordning.pdf",),
        ),
        Letter("anna", "Tack! Jag kommer, och har en fråga om cykelrummet.", 20),
        Letter("board", "Den tar vi under övriga frågor.", 15),
    ),
    _talk(
        "Your order 48213",
        "press anna lucia",
        21,
        Letter(
            "press",
            "Thank you for your order.\n\n200 cards, 300 g, uncoated: 84.00 EUR",
            0,
            ("invoice 48213.pdf",),
            "receipt",
        ),
        Letter("press", "Your order 48213 is on its way.", 52, (), "receipt"),
    ),
    _talk(
        "Your journey to Gothenburg",
        "rail lucia kenji",
        14,
        Letter(
            "rail",
            "Copenhagen 08:26 - Gothenburg 12:05, coach 4, seat 61.\n"
            "Show the attached ticket on your phone.",
            0,
            ("ticket.pdf",),
            "receipt",
        ),
        Letter("rail", "Platform change: your train leaves from platform 6.", 40, (), "receipt"),
    ),
    _talk(
        "ご注文ありがとうございます",
        "shop kenji",
        17,
        Letter(
            "shop",
            "森様\n\n煎茶 100g x 3 をお送りいたしました。\nまたのご利用をお待ちしております。",
            0,
            ("納品書.pdf",),
            "receipt",
        ),
    ),
    _talk(
        "打ち合わせの日程",
        "kenji amina",
        8,
        Letter("kenji", "Could we meet online on Tuesday? 火曜日の午後はいかがですか。", 0),
        Letter("amina", "Mardi 15 h (heure de Paris), parfait.", 5),
        Letter("kenji", "承知しました。ありがとうございます。", 9),
    ),
    _talk(
        "Colloqui con i genitori",
        "school lucia",
        11,
        Letter(
            "school",
            "Gentile famiglia,\n\ni colloqui si terranno lunedì dalle 15 alle 18. "
            "Si prega di confermare la presenza.",
            0,
            ("orari.pdf",),
        ),
        Letter("lucia", "Confermo la presenza alle 16:20. Grazie.", 25),
    ),
    _talk(
        "[studio/lamps] Flicker at low brightness (#12)",
        "code kenji anna",
        6,
        Letter(
            "code",
            "kenji opened an issue:\n\nBelow 4 % the lamps flicker. Seen on boards 3 and 7.",
            0,
        ),
        Letter("code", "anna commented:\n\nCould it be the cable? It was the cable last time.", 7),
        Letter("code", "kenji closed the issue: it was the cable.", 30),
    ),
    _talk(
        "Terminerinnerung",
        "dentist anna lucia kenji",
        3,
        Letter(
            "dentist",
            "Guten Tag,\n\nwir erinnern an Ihren Termin am Mittwoch um 9:40 Uhr.\n\n"
            "Ihre Zahnarztpraxis am Park",
            0,
        ),
    ),
    _talk(
        "Catering para a abertura",
        "marta amina anna",
        10,
        Letter(
            "marta",
            "Olá Amina,\n\nsegue a proposta para sessenta pessoas: petiscos frios, vinho verde "
            "e sumos. Os preços já incluem o serviço.\n\nMarta Silva\nCasa Verde",
            0,
            ("proposta.pdf", "precos.csv"),
        ),
        Letter("amina", "Merci Marta ! Est-ce possible sans fruits de mer ?", 6),
        Letter(
            "marta", "Claro, sem marisco nenhum. A proposta nova vai em anexo.", 18, ("v2.pdf",)
        ),
        Letter("anna", "Looks lovely. Please go ahead, the gallery pays by transfer.", 5),
        Letter("marta", "Confirmado. Obrigada, e até dia 14!", 2),
        label="Exhibition",
    ),
    _talk(
        "Plakat: Korrekturabzug",
        "paper jonas",
        18,
        Letter(
            "paper",
            "Sehr geehrter Herr Weber,\n\nanbei der Korrekturabzug. Bitte prüfen Sie besonders "
            "die Umlaute (ä, ö, ü, ß) und den Beschnitt.",
            0,
            ("Korrekturabzug.pdf",),
        ),
        Letter("jonas", "Alles in Ordnung, bitte 300 Stück auf 170 g.", 21),
        Letter("paper", "Vielen Dank. Lieferung am Donnerstag.", 3),
    ),
    _talk(
        "Wochenende in Lyon?",
        "jonas amina",
        7,
        Letter("jonas", "Salut Amina, ich bin vom 3. bis 5. in Lyon. Zeit für einen Kaffee?", 0),
        Letter("amina", "Avec plaisir ! Samedi 10 h, place de la Croix-Rousse ?", 4),
        Letter("jonas", "Parfait. Ich bringe die Plakate mit.", 2),
        Letter("amina", "Super. Voici la vue que tu auras :", 1, ("harbour.png",), "picture"),
    ),
    _talk(
        "Subvention : votre dossier",
        "town amina",
        24,
        Letter(
            "town",
            "Madame,\n\nvotre dossier est complet. La commission se réunit le 18 ; vous recevrez "
            "sa décision par courrier électronique.",
            0,
            ("accusé de réception.pdf",),
        ),
        Letter("amina", "Je vous remercie. Bien cordialement, Amina Diallo", 26),
        Letter("town", "La subvention est accordée. Félicitations !", 190, ("décision.pdf",)),
    ),
    _talk(
        "Extrato mensal disponível",
        "bank marta",
        5,
        Letter(
            "bank",
            "O extrato da conta terminada em 0042 está disponível.",
            0,
            ("extrato.pdf",),
            "receipt",
        ),
    ),
    _talk(
        "Loan of the lamps: insurance",
        "kenji marta anna",
        3,
        Letter("kenji", "The insurer asks who looks after the lamps at night. 夜間の管理者は?", 0),
        Letter("marta", "A nossa equipa fecha a galeria às 22h. I can sign for that.", 3),
        Letter("anna", "Thank you both. I send the form to Marta.", 2, ("form.pdf",)),
    ),
    *(
        _talk(
            f"The Slow Web, no. {number}: {topic}",
            "weekly anna lucia kenji amina",
            7 * (90 - number) + 1,
            Letter("weekly", text, 0, (), "newsletter"),
        )
        for number, topic, text in (
            (81, "paper", "A mill in Umbria has made the same sheet for seven hundred years."),
            (82, "bells", "Why the bells of Riga are tuned a little flat, and who likes it so."),
            (83, "maps", "The last person who draws ferry timetables by hand retires in spring."),
            (84, "bread", "Four bakers, one starter, and a letter that took nine weeks."),
            (85, "ink", "How to make ink from oak galls, and what it does to your carpet."),
            (86, "light", "A lighthouse keeper answers forty questions from school children."),
            (87, "wool", "Counting stitches on a night train between Oslo and Bergen."),
            (88, "clocks", "The town that stopped its clock for a week, on purpose."),
            (89, "letters", "We asked you to write to a stranger. Here are nine answers."),
            (90, "tea", "A walk through the first harvest, with wet shoes."),
        )
    ),
)
