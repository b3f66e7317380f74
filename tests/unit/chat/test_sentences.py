# ruff: noqa: RUF001 - letters of other scripts are meant
import time

import pytest

from ingest.words import STEMMERS
from luma_rag.chat.sentences import sentences, shorten, terms

# In each language: a date, ordinals, abbreviations, decimals, quotes and ellipses.
LANGUAGES = {
    "ar": [
        "يبدأ العقد في 5. مايو 2024.",
        "بلغت النسبة 3.5 في المئة.",
        "هل وافق د. أحمد على ذلك؟",
        "نعم، وافق!",
    ],
    "ca": [
        "El contracte acaba el 30 de setembre de 2024.",
        "El Sr. Puig va pagar 3,5 milions.",
        "Vegeu l'art. 5 i la pàg. 12.",
        "Qui ho va dir?",
        "«Jo no ho sé.»",
        "La Dra. Vila sí.",
    ],
    "cs": [
        "Smlouva končí 30. září 2024.",
        "Dne 5. Května se slaví konec války.",
        "Podle čl. 5 odst. 2 platí lhůta.",
        "Pan Ing. Novák zaplatil 3,5 mil. korun, tj. vše.",
        "Proč?",
        "Nikdo neví…",
        "To je např. Karel IV. a jeho syn.",
    ],
    "da": [
        "Aftalen udløber den 30. september 2024.",
        "Den 5. Maj fejres befrielsen.",
        "Hr. Jensen betalte ca. 3,5 mio. kroner.",
        "Se bl.a. § 5, stk. 2.",
        "Hvorfor?",
        "»Det ved jeg ikke.«",
        "Det var Christian 4. af Danmark.",
    ],
    "de": [
        "Der Vertrag endet zum 30. September 2024.",
        "Am 5. Mai kam z. B. Frau Dr. Meier.",
        "Siehe Nr. 5 und Abs. 2 des Vertrags.",
        "Die 3. Auflage kostet 3,5 Mio. Euro.",
        "Warum?",
        "»Das weiß ich nicht.«",
        "Das geschah im Jahr 2023.",
        "Danach regierte Friedrich II. von Preußen.",
    ],
    "el": [
        "Η σύμβαση λήγει στις 30 Σεπτεμβρίου 2024.",
        "Ο κ. Παπαδόπουλος πλήρωσε 3,5 εκατ. ευρώ.",
        "Βλ. άρθρο 5 κ.λπ. του νόμου.",
        "Κανείς δεν ξέρει…",
        "Την 5. Μαΐου έχουμε αργία.",
    ],
    "en": [
        "The contract ends on 30. September 2024.",
        "On the 5. May Dr. Smith paid $3.5 million.",
        "See No. 5, e.g. steel, i.e. Fig. 3.",
        "Why?",
        "“I don't know.”",
        "Nobody knew… or so he said.",
        "It ended in 2023.",
        "It was Mr. Jones.",
    ],
    "es": [
        "El contrato termina el 30 de septiembre de 2024.",
        "El Sr. García pagó 3,5 millones.",
        "Véase el art. 5 y la pág. 12.",
        "¿Quién lo dijo?",
        "«No lo sé.»",
        "La Dra. Ruiz, p. ej., calló.",
    ],
    "et": [
        "Leping lõpeb 30. septembril 2024.",
        "See algas 5. Mail kell kümme õhtul.",
        "Vt nt. § 5 lg 2 ja 3 alusel.",
        "Hr. Tamm maksis 3,5 mln. eurot.",
        "Miks?",
        "Keegi ei tea…",
    ],
    "eu": [
        "Kontratua 2024ko irailaren 30ean amaitzen da.",
        "Maiatzaren 5. Eguna jaia da.",
        "Etxeberria jn. 3,5 milioi ordaindu zuen.",
        "Ikus 5. Artikulua, adib. hemen.",
        "Zergatik?",
        "Inork ez daki…",
    ],
    "fa": [
        "قرارداد در ۳۰. سپتامبر پایان می\u200cیابد.",
        "نرخ آن 3.5 درصد است.",
        "آیا دکتر احمدی موافق بود؟",
        "بله، بود!",
    ],
    "fi": [
        "Sopimus päättyy 30. syyskuuta 2024.",
        "Se alkoi 5. Toukokuuta klo 10 aamulla.",
        "Ks. esim. 5 § ja s. 12.",
        "Hra. Virtanen maksoi n. 3,5 milj. euroa.",
        "Miksi?",
        "Kukaan ei tiedä…",
    ],
    "fr": [
        "Le contrat se termine le 30 septembre 2024.",
        "M. Dupont a payé 3,5 millions.",
        "Voir l'art. 5 et la p. 12.",
        "Qui l'a dit ?",
        "« Je ne sais pas. »",
        "Le Dr. Martin, p. ex., se tut.",
    ],
    "ga": [
        "Críochnaíonn an conradh ar 30. Meán Fómhair 2024.",
        "D'íoc an Dr. Ó Briain 3.5 milliún.",
        "Féach uimh. 5 agus lch. 12.",
        "Cén fáth?",
        "Níl a fhios ag aon duine…",
    ],
    "hi": ["अनुबंध 30. सितंबर 2024 को समाप्त होगा।", "दर 3.5 प्रतिशत है।", "क्या डॉ. शर्मा सहमत थे?", "हाँ, थे।"],
    "hu": [
        "A szerződés 2024. szeptember 30. napján lejár.",
        "Az 5. Fejezet pl. erről szól.",
        "Lásd a 3. Mellékletet, ill. az 5. §-t.",
        "Dr. Kovács kb. 3,5 millió forintot fizetett.",
        "Miért?",
        "Senki sem tudja…",
    ],
    "hy": ["Պայմանագիրն ավարտվում է 2024 թ. սեպտեմբերի 30-ին։", "Դրույքը 3.5 տոկոս է։", "Ոչ ոք չգիտի։"],
    "id": [
        "Kontrak berakhir pada 30. September 2024.",
        "Dr. Budi membayar Rp. 3,5 juta.",
        "Lihat No. 5 dan hlm. 12, dsb. di sana.",
        "Mengapa?",
        "Tidak ada yang tahu…",
    ],
    "it": [
        "Il contratto termina il 30 settembre 2024.",
        "Il sig. Rossi ha pagato 3,5 milioni.",
        "Si veda l'art. 5 e pag. 12.",
        "Chi l'ha detto?",
        "«Non lo so.»",
        "Il Dott. Bianchi tacque.",
    ],
    "lt": [
        "Sutartis baigiasi 2024 m. rugsėjo 30 d. vakare.",
        "Žr. 5 straipsnį ir pvz. 12 psl.",
        "Dr. Petraitis sumokėjo 3,5 mln. eurų.",
        "Kodėl?",
        "Niekas nežino…",
    ],
    "ne": ["सम्झौता 30. सेप्टेम्बर 2024 मा समाप्त हुन्छ।", "दर 3.5 प्रतिशत छ।", "किन?", "डा. शर्मा सहमत थिए।"],
    "nl": [
        "Het contract eindigt op 30. September 2024.",
        "Dhr. Jansen betaalde ca. 3,5 miljoen.",
        "Zie art. 5, bijv. nr. 12.",
        "Waarom?",
        "‘Ik weet het niet.’",
        "Mevr. De Vries zweeg.",
    ],
    "no": [
        "Avtalen utløper 30. september 2024.",
        "Den 5. Mai feires freden.",
        "Se f.eks. § 5 nr. 2.",
        "Dr. Hansen betalte ca. 3,5 mill. kroner.",
        "Hvorfor?",
        "«Det vet jeg ikke.»",
    ],
    "pl": [
        "Umowa kończy się 30. września 2024 r. o północy.",
        "Dnia 5. Maja jest święto.",
        "Zob. art. 5 ust. 2, np. tutaj.",
        "Dr. Nowak zapłacił 3,5 mln. złotych.",
        "Dlaczego?",
        "Nikt nie wie…",
    ],
    "pt": [
        "O contrato termina em 30 de setembro de 2024.",
        "O Sr. Silva pagou 3,5 milhões.",
        "Veja o art. 5 e a pág. 12.",
        "Quem disse isso?",
        "“Não sei.”",
        "A Dra. Costa, p. ex., calou-se.",
    ],
    "ro": [
        "Contractul se încheie la 30. Septembrie 2024.",
        "Dl. Popescu a plătit 3,5 milioane.",
        "Vezi art. 5 și pag. 12.",
        "De ce?",
        "„Nu știu.”",
        "Nimeni nu știe…",
    ],
    "ru": [
        "Договор истекает 30. Сентября 2024 года.",
        "Г. Иванов заплатил 3,5 млн. рублей.",
        "См. ст. 5 и стр. 12, т. е. здесь.",
        "Почему?",
        "«Я не знаю.»",
        "Так писал А. С. Пушкин.",
    ],
    "sr": [
        "Уговор истиче 30. Септембра 2024. године.",
        "Г. Петровић је платио 3,5 мил. динара.",
        "Види чл. 5 и стр. 12, нпр. овде.",
        "Зашто?",
        "„Не знам.”",
    ],
    "sv": [
        "Avtalet löper ut den 30. September 2024.",
        "Hr. Svensson betalade ca. 3,5 milj. kronor.",
        "Se t.ex. § 5 och s. 12, bl.a. här.",
        "Varför?",
        "”Jag vet inte.”",
    ],
    "ta": ["ஒப்பந்தம் 30. செப்டம்பர் 2024 அன்று முடிகிறது.", "விகிதம் 3.5 சதவீதம்.", "ஏன்?", "யாருக்கும் தெரியாது."],
    "tr": [
        "Sözleşme 30. Eylül 2024'te sona erer.",
        "Sn. Yılmaz 3,5 milyon ödedi.",
        "Bkz. madde 5 ve s. 12, örn. burada.",
        "Neden?",
        "II. Abdülhamit döneminde 19. Yüzyıl bitti.",
    ],
}


def texts(text: str) -> list[str]:
    found = sentences(text)
    for sentence in found:
        assert " ".join(text[sentence.start : sentence.end].split()) == sentence.text
    assert "".join(s.text for s in found).replace(" ", "") == "".join(text.split())
    return [sentence.text for sentence in found]


@pytest.mark.parametrize(
    "expected",
    [
        [
            "Dr. Smith paid $3.5 million.",
            "See Fig. 3 and sec. 2.",
            "The U.S. economy (e.g. steel) grew!",
            "Why?",
        ],
        ['"Go."', "He went.", "Prices rose by 2.5 %.", "Nobody knew."],
        ["Im Mai kam z. B. Frau Dr. Meier.", "Sie blieb."],
        ["El Sr. García vive aquí.", "¿Desde cuándo?", "Desde 2001."],
        ["これは本です。", "「読みました。」", "次は\uff1f", "終わり"],
        ["As shown before.[12]", "It holds…", "Indeed it does!"],
        ["J. R. R. Tolkien wrote it.", "It was long."],
        ["Doors open at 8 a.m. sharp.", "They close at 3 p.m.", "Overtime is paid."],
    ],
)
def test_running_text(expected: list[str]) -> None:
    joined = "".join(expected) if "。" in expected[0] else " ".join(expected)
    assert texts(joined) == expected


def test_every_stemmed_language_is_tested() -> None:
    assert set(LANGUAGES) == set(STEMMERS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_dates_ordinals_and_abbreviations_end_no_sentence(language: str) -> None:
    assert texts(" ".join(LANGUAGES[language])) == LANGUAGES[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("date", ["zum 30. September", "am 5. Mai", "on the 5. May 2024", "le 1. Août"])
def test_a_date_is_one_sentence_in_a_text_of_any_language(language: str, date: str) -> None:
    sentence = f"{LANGUAGES[language][0][:-1]} {date}."
    assert texts(f"{sentence} {LANGUAGES[language][1]}")[0] == sentence


def test_a_number_ends_a_sentence_where_ordinals_have_no_dot() -> None:
    assert texts("He is 25. She is 24. They live in Paris since 1999. Novels sell well.") == [
        "He is 25.",
        "She is 24.",
        "They live in Paris since 1999.",
        "Novels sell well.",
    ]


def test_wrapped_lines_are_one_sentence() -> None:
    text = "The notice period is three\nmonths and begins with the\nFirst day of a month. It\nends there."
    assert texts(text) == [
        "The notice period is three months and begins with the First day of a month.",
        "It ends there.",
    ]


def test_headings_items_and_rows_are_separate() -> None:
    text = (
        "Time off\nEmployees have paid leave, which is counted in days of work, not in days\n"
        "of the calendar.\n\n"
        "• Annual leave is 28 days\n• Sick leave is paid\n1. Ask your manager\n2) Tell the team\n"
        "Revenue 1,200 1,300\nCosts 900 950\nName | Age\nAnn | 30"
    )
    assert texts(text) == [
        "Time off",
        "Employees have paid leave, which is counted in days of work, not in days of the calendar.",
        "• Annual leave is 28 days",
        "• Sick leave is paid",
        "1. Ask your manager",
        "2) Tell the team",
        "Revenue 1,200 1,300",
        "Costs 900 950",
        "Name | Age",
        "Ann | 30",
    ]


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_empty_text(text: str) -> None:
    assert sentences(text) == []


@pytest.mark.parametrize(
    "text", [". " * 50_000, "\n" * 100_000, "a.b." * 30_000, "1 2 " * 30_000, "(" * 90_000]
)
def test_unusual_text_takes_no_longer(text: str) -> None:
    began = time.process_time()
    sentences(text)
    assert time.process_time() - began < 5


def test_terms() -> None:
    assert terms("The Insured's insurance POLICY, policies") >= {"insured", "insuran", "policy"}
    assert terms("days") == terms("day")
    assert terms("日本語") == {"日本", "本語"}
    assert terms("2023 12345678901") == {"2023", "12345678901"}


def test_shorten() -> None:
    assert shorten("short", 10) == "short"
    assert shorten("two words here", 10) == "two words…"
    assert shorten("x" * 20, 10) == "x" * 9 + "…"
