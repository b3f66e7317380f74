"""The names of months in the languages that are stemmed, to recognize dates such as "30. September". Pure.

From CLDR (wide names, formatting and stand-alone), by the babel package: the first five letters of each.
"""
# ruff: noqa: RUF001 - letters of other scripts are meant

import re

_STEMS = """
آوریل أبريل أغسطس أكتوب اوت اکتبر دسامب ديسمب سبتمب سپتام فبراي فوریه مارس مايو مه نوامب نوفمب يناير
يوليو يونيو ژانوی ژوئن ژوئیه abend abril abuzt agost agust aibre août apiri april aralı augus avril
azaro ağust balan bealt birže březe březn czerw decem deire desem detse dezem dicem dicie duben dubna
décem eanái ekain ekim eloku enero eylül feabh febbr febre febru fever févri geguž gener genna giugn
grudn grudz gruod hazir heinä helmi huhti ianua irail iulie iunie iúil jaanu janei janua januá janvi
joulu juill juin julho juli july june junho juni juny juuli juuni júliu júniu kasım kesäk kovas kovo
květe květn kwiec kwiet lapkr leden ledna liepa liepo lipca lipie listo lokak lugli luteg luty lúnas
maali maart maggi mai maiat maig maio maj maja marca march maret marra mars mart marze marzo març may
mayo mayıs mei meith meán május márci márta märts märz nisan noiem nolla novem novie ocak octob octom
octub oktob oktoo októb otsai ottob outub paźdz prosi rugpj rugsė samha sausi septe septi setem sette
sierp spali srpen srpna stycz syysk szept tammi temmu touko urria urtar uztai vasar veebr wrzes wrześ
září ápril únor červe červn říjen října şubat απρίλ απριλ αυγού αύγου δεκέμ δεκεμ ιανου ιουλί ιουνί
ιούλι ιούνι μάιος μάρτι μαΐου μαρτί νοέμβ νοεμβ οκτωβ οκτώβ σεπτέ σεπτε φεβρο अक्टू अक्टो अगस्ट अगस्त
अप्रि अप्रै जनवरी जुन जुलाई जून डिसेम दिसंब नवंबर नोभेम फ़रवर फेब्र मई मार्च मे सितंब सेप्ट ապրիլ դեկտե
հոկտե հուլի հունի հունվ մայիս մարտ նոյեմ սեպտե փետրվ օգոստ авгус апрел април декаб децем июль июля июнь
июня май март мая мај новем ноябр октоб октяб сентя септе фебру февра январ јануа јул јун அக்டோ ஆகஸ்ட
ஏப்ரல செப்ட ஜனவரி ஜூன் ஜூலை டிசம் நவம்ப பிப்ர மார்ச மே
"""
_LONG = "|".join(stem for stem in _STEMS.split() if len(stem) > 3)
# "Mai", but not "Mainz".
_SHORT = "|".join(stem for stem in _STEMS.split() if len(stem) <= 3)

MONTH = re.compile(rf"(?:d[’']|de )?(?:{_LONG}|(?:{_SHORT})\w?(?!\w))", re.IGNORECASE)
"""Matches at the beginning of the name of a month, whatever ending it has."""
