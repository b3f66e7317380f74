"""Stop words of the most frequent languages.

They are removed from queries only. Questions use words that are rare in documents ("why", "did") and would
therefore get high weights. Only closed classes: articles, pronouns, prepositions, conjunctions, auxiliary
verbs, question words.
"""

STOP_WORDS = {
    language: frozenset(listed.split())
    for language, listed in {
        "en": """
            a an the this that these those some any each both all such other another same own
            i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself
            she her hers herself it its itself they them their theirs themselves
            who whom whose which what when where why how
            am is are was were be been being have has had having do does did doing done
            can could will would shall should may might must
            and or nor but if because as until while although though than so
            of at by for with about against between into through during before after above below to from up
            down in out on off over under again further then once here there upon
            no not only very too just more most few
            s t d ll m re ve don didn doesn isn aren wasn weren hasn haven hadn won wouldn couldn shouldn
        """,
        "de": """
            der die das den dem des ein eine einer eines einem einen kein keine keiner keinem keinen
            ich mich mir du dich dir er ihn ihm sie ihr ihnen es wir uns euch sein seine seiner seinem seinen
            ihre ihrer ihrem ihren ihres unser unsere mein meine dieser diese dieses diesem diesen jene jeder
            jede jedes man sich selbst
            wer wen wem wessen was welche welcher welches welchem welchen wann wo wohin woher warum wieso
            weshalb wie wieviel
            ist sind war waren bin bist sein gewesen wird werden wurde wurden worden hat haben hatte hatten
            kann können konnte konnten muss müssen musste soll sollen sollte will wollen darf dürfen mag
            und oder aber denn weil dass daß ob wenn als nicht nur auch noch schon so
            in im an am auf aus bei beim mit nach von vom vor zu zum zur über unter um für durch gegen ohne
            bis seit während zwischen
        """,
        "fr": """
            le la les l un une des du de d ce cet cette ces c ceci cela ça
            je j me m moi tu te t toi il elle on nous vous ils elles se s lui leur leurs son sa ses mon ma mes
            ton ta tes notre nos votre vos y en
            qui que qu quoi dont où quand comment pourquoi combien quel quelle quels quelles lequel laquelle
            est sont était étaient être été suis es a ont avait avaient avoir eu fut furent sera fait peut
            peuvent doit doivent
            et ou mais car si comme ni ne n pas plus moins très aussi
            à au aux dans par pour sur avec sans sous entre vers chez depuis pendant
        """,
        "es": """
            el la los las lo un una unos unas este esta estos estas ese esa esos esas eso esto aquel aquella
            yo me mí tú te ti él ella ello nosotros ustedes ellos ellas se sí le les su sus mi mis tu tus
            nuestro nuestra
            quién quien quiénes qué que cuál cual cuáles cuándo cuando dónde donde cómo como cuánto cuánta
            cuántos cuántas por porqué
            es son era eran ser sido fue fueron está están estaba ha han había haber hay tiene tienen puede
            pueden debe
            y e o u pero si ni no más muy también
            a al de del en con para por sin sobre entre hasta desde durante
        """,
        "it": """
            il lo la i gli le l un uno una questo questa questi queste quello quella quelli quelle
            io mi me tu ti te lui lei noi ci voi vi loro si suo sua suoi sue mio mia
            chi che cosa cui quale quali quando dove come perché quanto quanta quanti quante
            è sono era erano essere stato stata fu furono ha hanno aveva avere può possono deve
            e ed o ma se non né più anche
            a ad al allo alla ai agli alle di d del dello della dei degli delle da dal dalla in nel nello
            nella nei negli nelle con su sul sulla per tra fra
        """,
        "pt": """
            o a os as um uma uns umas este esta estes estas esse essa isso isto aquele aquela
            eu me mim tu te ele ela nós vós eles elas se lhe lhes seu sua seus suas meu minha
            quem que qual quais quando onde como porque quanto quanta quantos quantas
            é são era eram ser sido foi foram está estão há tem têm tinha ter pode podem deve
            e ou mas se nem não mais muito também
            ao à aos às de do da dos das em no na nos nas num numa com por pelo pela para sem sobre entre até
            desde
        """,
        "nl": """
            de het een deze dit die dat
            ik mij me jij je jou hij hem zij ze haar wij we ons jullie hun hen zich zijn mijn uw u
            wie wat welke welk wanneer waar waarom hoe hoeveel
            is zijn was waren ben bent geweest wordt worden werd werden heeft hebben had hadden kan kunnen kon
            moet moeten zal zullen zou wil mag
            en of maar want als dan niet geen ook nog
            in op aan uit bij met na van voor te tot over onder om door tegen zonder tussen
        """,
    }.items()
}
"""By ISO 639-1 code. In other languages, stop words have low weights anyway if documents contain them."""
