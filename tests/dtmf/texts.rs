//! What is said, and by whom.

/// A voice of espeak-ng and sentences in its language.
pub const TEXTS: [(&str, &str); 14] = [
    (
        "en-us",
        "Good morning, this is the front desk speaking. Nobody told me that the train to the coast was late \
         again. She bought nine yellow umbrellas and left them under the old bridge. Please call me back \
         before noon, or leave a message after the tone. You know how we all go home when the weather turns \
         grey.",
    ),
    (
        "en-gb",
        "We were away a year ago, and no one in the village knew why. Could you read the number to me once \
         more, slowly, please? Five or six of them were waiting in the rain outside the bakery. Oh no, I do \
         not mind at all, really. Many moons ago a lonely whale sang near the mole.",
    ),
    (
        "de",
        "Guten Tag, hier spricht die Verwaltung. Der Hausmeister kommt erst am Donnerstag wieder, leider. \
         Können Sie mir die Nummer bitte noch einmal langsam sagen? Wir haben gestern lange auf den Bus \
         gewartet, und dann kam keiner. Ohne Sahne wäre der Kuchen nur halb so schön.",
    ),
    (
        "fr-fr",
        "Bonjour, je vous appelle au sujet de la chambre bleue. Il pleut depuis lundi et personne ne vient \
         réparer le toit. Pouvez-vous répéter le numéro, s'il vous plaît? Nous irons au marché demain matin, \
         avec mon oncle et ma tante.",
    ),
    (
        "es",
        "Buenos días, le llamo por el anuncio del periódico. Mañana no habrá nadie en la oficina hasta las \
         once. ¿Puede usted repetir el número, por favor? El perro de mi vecina ladra toda la noche y no \
         podemos dormir.",
    ),
    (
        "it",
        "Buongiorno, chiamo per la camera che dà sul mare. Domani arriva mia sorella con i bambini e due \
         valige enormi. Mi può ripetere il numero, per favore? Il vino della nonna era buono, ma non ne è \
         rimasto.",
    ),
    (
        "pt",
        "Bom dia, estou ligando por causa da reunião de amanhã. O comboio chegou tarde e perdemos o almoço. \
         Pode repetir o número mais devagar, por favor? A minha avó mora perto do rio há muitos anos.",
    ),
    (
        "nl",
        "Goedemorgen, u spreekt met de receptie. Morgen gaan wij met de boot naar het eiland. Kunt u het \
         nummer nog een keer herhalen? De buurman heeft een nieuwe fiets gekocht en die is meteen gestolen.",
    ),
    (
        "pl",
        "Dzień dobry, dzwonię w sprawie mieszkania. Jutro rano przyjedzie do nas kuzyn z Krakowa. Czy może \
         pani powtórzyć numer, proszę? W zeszłym roku zima była długa i bardzo mroźna.",
    ),
    (
        "ru",
        "Доброе утро, вас беспокоит соседка с третьего этажа. Завтра мы поедем на дачу, если не будет дождя. \
         Повторите, пожалуйста, номер ещё раз. Мой дедушка много лет работал на железной дороге.",
    ),
    (
        "tr",
        "Günaydın, ilan için arıyorum. Yarın sabah erkenden yola çıkacağız. Numarayı bir kez daha söyler \
         misiniz, lütfen? Komşumuzun küçük oğlu bütün gün bahçede oynuyor.",
    ),
    (
        "sv",
        "God morgon, jag ringer om lägenheten vid sjön. I morgon åker vi till stan med bussen. Kan du upprepa \
         numret en gång till? Min moster bakar bullar varje söndag.",
    ),
    (
        "cmn",
        "早上好，我想问一下明天的会议。请您再说一遍号码。昨天下雨了，我们没有去公园。我妈妈喜欢在院子里种花。",
    ),
    (
        "hi",
        "नमस्ते, मैं कल की बैठक के बारे में बात करना चाहता हूँ। कृपया नंबर एक बार और बताइए। हमारे गाँव में इस \
         साल बहुत बारिश हुई।",
    ),
];

/// Its variants of each voice: men, women, a hoarse one, two that are made another way, a whisper.
pub const VOICES: [&str; 18] = [
    "", "+f1", "+m1", "+klatt", "+f2", "+m2", "+croak", "+f3", "+m3", "+klatt2", "+m4", "+f4", "+whisper",
    "+m5", "+f5", "+m6", "+klatt3", "+m7",
];
