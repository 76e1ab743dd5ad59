<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr">
  <context>
    <name>Bands</name>
    <message>
      <source>low</source>
      <translation>faible</translation>
    </message>
    <message>
      <source>unclear</source>
      <translation>incertain</translation>
    </message>
    <message>
      <source>elevated</source>
      <translation>élevé</translation>
    </message>
  </context>
  <context>
    <name>Banners</name>
    <message>
      <source>Note</source>
      <translation>Remarque</translation>
    </message>
    <message>
      <source>Warning</source>
      <translation>Attention</translation>
    </message>
    <message>
      <source>Error</source>
      <translation>Erreur</translation>
    </message>
    <message>
      <source>Dismiss</source>
      <translation>Fermer</translation>
    </message>
    <message>
      <source>Dismiss: {text}</source>
      <translation>Fermer : {text}</translation>
    </message>
  </context>
  <context>
    <name>Calibration</name>
    <message>
      <source># s more of speech</source>
      <translation>encore # s de parole</translation>
    </message>
    <message>
      <source># s more with the face in the picture</source>
      <translation>encore # s avec le visage dans l’image</translation>
    </message>
    <message>
      <source># s more with the shoulders in the picture</source>
      <translation>encore # s avec les épaules dans l’image</translation>
    </message>
    <message>
      <source>face seen in # % of the time</source>
      <translation>visage vu # % du temps</translation>
    </message>
    <message>
      <source>shoulders seen in # % of the time</source>
      <translation>épaules vues # % du temps</translation>
    </message>
    <message>
      <source>come into the picture</source>
      <translation>venez dans l’image</translation>
    </message>
    <message>
      <source>sit so that both shoulders are in the picture</source>
      <translation>asseyez-vous de sorte que les deux épaules soient dans l’image</translation>
    </message>
    <message>
      <source>more light on the face</source>
      <translation>plus de lumière sur le visage</translation>
    </message>
    <message>
      <source>less light on the face</source>
      <translation>moins de lumière sur le visage</translation>
    </message>
    <message>
      <source>face the camera</source>
      <translation>tournez-vous vers la caméra</translation>
    </message>
    <message>
      <source>sit nearer</source>
      <translation>asseyez-vous plus près</translation>
    </message>
    <message>
      <source>come nearer and face the camera</source>
      <translation>approchez-vous et tournez-vous vers la caméra</translation>
    </message>
    <message>
      <source>Enough speech: # s.</source>
      <translation>Assez de parole : # s.</translation>
    </message>
    <message>
      <source>Too little speech: # s of # s.</source>
      <translation>Trop peu de parole : # s sur # s.</translation>
    </message>
    <message>
      <source>Face seen in # % of the time.</source>
      <translation>Visage vu # % du temps.</translation>
    </message>
    <message>
      <source>Shoulders seen in # % of the time.</source>
      <translation>Épaules vues # % du temps.</translation>
    </message>
    <message>
      <source>Face seen in # % of the time, too little</source>
      <translation>Visage vu # % du temps, trop peu</translation>
    </message>
    <message>
      <source>Shoulders seen in # % of the time, too little</source>
      <translation>Épaules vues # % du temps, trop peu</translation>
    </message>
    <message>
      <source>No speech in this session</source>
      <translation>Pas de parole dans cette séance</translation>
    </message>
    <message>
      <source>No face in this session</source>
      <translation>Pas de visage dans cette séance</translation>
    </message>
    <message>
      <source>No shoulders in this session</source>
      <translation>Pas d’épaules dans cette séance</translation>
    </message>
    <message>
      <source>face cues keep the population's values.</source>
      <translation>les indices du visage gardent les valeurs de la population.</translation>
    </message>
    <message>
      <source>body cues keep the population's values.</source>
      <translation>les indices du corps gardent les valeurs de la population.</translation>
    </message>
    <message>
      <source>voice cues keep the population's values.</source>
      <translation>les indices de la voix gardent les valeurs de la population.</translation>
    </message>
    <message>
      <source>face cues stay near the population's values.</source>
      <translation>les indices du visage restent près des valeurs de la population.</translation>
    </message>
    <message>
      <source>body cues stay near the population's values.</source>
      <translation>les indices du corps restent près des valeurs de la population.</translation>
    </message>
    <message>
      <source>Light is low: face cues count less.</source>
      <translation>Lumière faible : les indices du visage comptent moins.</translation>
    </message>
    <message>
      <source>Light is too bright: face cues count less.</source>
      <translation>Lumière trop forte : les indices du visage comptent moins.</translation>
    </message>
    <message>
      <source>Light is good.</source>
      <translation>La lumière est bonne.</translation>
    </message>
    <message>
      <source>Nothing was seen or heard for long enough to know what is usual.</source>
      <translation>Rien n’a été vu ni entendu assez longtemps pour savoir ce qui est habituel.</translation>
    </message>
    <message>
      <source>population</source>
      <translation>population</translation>
    </message>
    <message>
      <source>calibration</source>
      <translation>étalonnage</translation>
    </message>
    <message>
      <source>rollback to #</source>
      <translation>retour à #</translation>
    </message>
    <message>
      <source>learned in the session</source>
      <translation>appris pendant la séance</translation>
    </message>
  </context>
  <context>
    <name>CalibrationScreen</name>
    <message>
      <source>What is gathered, by channel</source>
      <translation>Ce qui est recueilli, par canal</translation>
    </message>
    <message>
      <source>Version</source>
      <translation>Version</translation>
    </message>
    <message>
      <source>When</source>
      <translation>Quand</translation>
    </message>
    <message>
      <source>Why</source>
      <translation>Pourquoi</translation>
    </message>
    <message>
      <source>What changed</source>
      <translation>Ce qui a changé</translation>
    </message>
    <message>
      <source>Versions of this person's calibration, newest first</source>
      <translation>Versions de l’étalonnage de cette personne, la plus récente d’abord</translation>
    </message>
    <message>
      <source>{number}, in use</source>
      <translation>{number}, en usage</translation>
    </message>
    <message>
      <source>Not started</source>
      <translation>Pas commencé</translation>
    </message>
    <message>
      <source>Starting</source>
      <translation>Démarrage</translation>
    </message>
    <message>
      <source>Gathering</source>
      <translation>Recueil</translation>
    </message>
    <message>
      <source>Working out what is usual…</source>
      <translation>Calcul de ce qui est habituel…</translation>
    </message>
    <message>
      <source>To be accepted or done again</source>
      <translation>À accepter ou à refaire</translation>
    </message>
    <message>
      <source>Storing…</source>
      <translation>Enregistrement…</translation>
    </message>
    <message>
      <source>Accepted and stored</source>
      <translation>Accepté et enregistré</translation>
    </message>
    <message>
      <source>Could not start</source>
      <translation>Démarrage impossible</translation>
    </message>
    <message>
      <source>Loading the models…</source>
      <translation>Chargement des modèles…</translation>
    </message>
    <message>
      <source>Opening camera and microphone…</source>
      <translation>Ouverture de la caméra et du microphone…</translation>
    </message>
    <message>
      <source>{got:.0f} of {wanted:.0f} s</source>
      <translation>{got:.0f} s sur {wanted:.0f}</translation>
    </message>
    <message>
      <source>enough</source>
      <translation>assez</translation>
    </message>
    <message>
      <source>Nothing is missing.</source>
      <translation>Il ne manque rien.</translation>
    </message>
    <message>
      <source>nothing is personal</source>
      <translation>rien n’est personnel</translation>
    </message>
    <message>
      <source>the values of version {number} again</source>
      <translation>de nouveau les valeurs de la version {number}</translation>
    </message>
    <message>
      <source>{n} values from {amount:.0f} {unit} ({method})</source>
      <translation>{n} valeurs tirées de {amount:.0f} {unit} ({method})</translation>
    </message>
    <message>
      <source>on average {shift:.1f} standard deviations from people in general</source>
      <translation>en moyenne à {shift:.1f} écart-type de la population</translation>
    </message>
    <message>
      <source>mean probability {after:.2f} instead of {before:.2f}</source>
      <translation>probabilité moyenne {after:.2f} au lieu de {before:.2f}</translation>
    </message>
    <message>
      <source>refused: {reason}</source>
      <translation>refusé : {reason}</translation>
    </message>
    <message>
      <source>Calibration</source>
      <translation>Étalonnage</translation>
    </message>
    <message>
      <source>ending the calibration</source>
      <translation>l’étalonnage s’arrête</translation>
    </message>
    <message>
      <source>Gathering, {share:.0%}</source>
      <translation>Recueil, {share:.0%}</translation>
    </message>
    <message>
      <source>Step {number} of {count}: {title}</source>
      <translation>Étape {number} sur {count} : {title}</translation>
    </message>
    <message>
      <source>{left:.0f} s left</source>
      <translation>encore {left:.0f} s</translation>
    </message>
    <message>
      <source>What now?</source>
      <translation>Et maintenant ?</translation>
    </message>
    <message>
      <source>Done</source>
      <translation>C’est fait</translation>
    </message>
    <message>
      <source>How it goes</source>
      <translation>Comment cela se passe</translation>
    </message>
    <message>
      <source>Look at the verdict. Accept keeps it as a new version; Redo begins anew and keeps nothing of it.</source>
      <translation>Regardez le verdict. Accepter le garde comme nouvelle version ; Refaire recommence et n’en garde rien.</translation>
    </message>
    <message>
      <source>The live session uses it from now on. Older versions stay in the list.</source>
      <translation>La séance en direct l’utilise désormais. Les versions plus anciennes restent dans la liste.</translation>
    </message>
    <message>
      <source>About {seconds:.0f} seconds: read a plain text aloud, then answer a plain question. Neither is about the behaviour that the session is about.</source>
      <translation>Environ {seconds:.0f} secondes : lire à voix haute un texte simple, puis répondre à une question simple. Ni l’un ni l’autre ne touche au comportement dont parle la séance.</translation>
    </message>
    <message>
      <source>It learns what is usual for this person with this camera and microphone, so that what is usual for them is not taken for a sign.</source>
      <translation>Il apprend ce qui est habituel chez cette personne avec cette caméra et ce microphone, pour que l’habituel ne soit pas pris pour un signe.</translation>
    </message>
    <message>
      <source>It does not learn what ambivalence looks like in this person, and it says nothing about them by itself.</source>
      <translation>Il n’apprend pas à quoi ressemble l’ambivalence chez cette personne et ne dit rien d’elle à lui seul.</translation>
    </message>
    <message>
      <source>Nothing is recorded: only numbers are kept, under the pseudonym.</source>
      <translation>Rien n’est enregistré : seuls des chiffres sont gardés, sous le pseudonyme.</translation>
    </message>
    <message>
      <source>Do it again in another room or light, with another camera, microphone or glasses, or when the person is ill.</source>
      <translation>À refaire dans une autre pièce ou une autre lumière, avec une autre caméra, un autre microphone ou d’autres lunettes, ou quand la personne est malade.</translation>
    </message>
    <message>
      <source>Good enough, but the person did not agree to adaptation in Set-up: it cannot be kept.</source>
      <translation>Assez bon, mais la personne n’a pas accepté l’adaptation dans Préparation : il ne peut pas être gardé.</translation>
    </message>
    <message>
      <source>Good enough to be used.</source>
      <translation>Assez bon pour être utilisé.</translation>
    </message>
    <message>
      <source>Not good enough to be used: do it again, or go on without.</source>
      <translation>Pas assez bon pour être utilisé : recommencez, ou continuez sans.</translation>
    </message>
    <message>
      <source>The person has not agreed to adaptation yet, so nothing about them may be kept: ask them in Set-up.</source>
      <translation>La personne n’a pas encore accepté l’adaptation ; rien sur elle ne peut donc être gardé : demandez-le-lui dans Préparation.</translation>
    </message>
    <message>
      <source>Calibration of {name}</source>
      <translation>Étalonnage de {name}</translation>
    </message>
    <message>
      <source>No person is chosen. Give a pseudonym under Person in Set-up, so that the calibration can be kept.</source>
      <translation>Aucune personne n’est choisie. Donnez un pseudonyme sous Personne dans Préparation, pour que l’étalonnage puisse être gardé.</translation>
    </message>
    <message>
      <source>There is no calibration of {name} yet: the population's values are used.</source>
      <translation>Il n’y a pas encore d’étalonnage de {name} : les valeurs de la population sont utilisées.</translation>
    </message>
    <message>
      <source>No picture.</source>
      <translation>Pas d’image.</translation>
    </message>
    <message>
      <source>The camera is off.</source>
      <translation>La caméra est éteinte.</translation>
    </message>
    <message>
      <source>S&amp;kip</source>
      <translation>I&amp;gnorer</translation>
    </message>
    <message>
      <source>Go on to &amp;live</source>
      <translation>Passer a&amp;u direct</translation>
    </message>
    <message>
      <source>Picture of the camera</source>
      <translation>Image de la caméra</translation>
    </message>
    <message>
      <source>Time left in this step</source>
      <translation>Temps restant dans cette étape</translation>
    </message>
    <message>
      <source>&amp;Start</source>
      <translation>&amp;Démarrer</translation>
    </message>
    <message>
      <source>&amp;Next step</source>
      <translation>Étape &amp;suivante</translation>
    </message>
    <message>
      <source>Done with this one before its time is over</source>
      <translation>En finir avec celle-ci avant la fin de son temps</translation>
    </message>
    <message>
      <source>S&amp;top</source>
      <translation>Arrê&amp;ter</translation>
    </message>
    <message>
      <source>Judge what was gathered so far</source>
      <translation>Juger ce qui a été recueilli jusqu’ici</translation>
    </message>
    <message>
      <source>&amp;Accept</source>
      <translation>&amp;Accepter</translation>
    </message>
    <message>
      <source>Keep it as a new version and use it</source>
      <translation>Le garder comme nouvelle version et l’utiliser</translation>
    </message>
    <message>
      <source>R&amp;edo</source>
      <translation>&amp;Refaire</translation>
    </message>
    <message>
      <source>Begin anew; nothing of this one is kept</source>
      <translation>Recommencer ; rien de celui-ci n’est gardé</translation>
    </message>
    <message>
      <source>&amp;Person…</source>
      <translation>Perso&amp;nne…</translation>
    </message>
    <message>
      <source>Roll &amp;back to the chosen version</source>
      <translation>Re&amp;venir à la version choisie</translation>
    </message>
    <message>
      <source>Use an older version; none is deleted</source>
      <translation>Utiliser une version plus ancienne ; aucune n’est supprimée</translation>
    </message>
    <message>
      <source>Gathered</source>
      <translation>Recueilli</translation>
    </message>
    <message>
      <source>Vers&amp;ions</source>
      <translation>Vers&amp;ions</translation>
    </message>
  </context>
  <context>
    <name>Channels</name>
    <message>
      <source>Face</source>
      <translation>Visage</translation>
    </message>
    <message>
      <source>Body</source>
      <translation>Corps</translation>
    </message>
    <message>
      <source>Voice</source>
      <translation>Voix</translation>
    </message>
    <message>
      <source>Words</source>
      <translation>Mots</translation>
    </message>
    <message>
      <source>Discord</source>
      <translation>Discordance</translation>
    </message>
  </context>
  <context>
    <name>ConsentPanel</name>
    <message>
      <source>Recording: picture and sound are kept</source>
      <translation>Enregistrement : l’image et le son sont conservés</translation>
    </message>
    <message>
      <source>Analysis: estimates, words and cues are made and kept</source>
      <translation>Analyse : estimations, mots et indices sont établis et conservés</translation>
    </message>
    <message>
      <source>Adaptation: a profile learns what is usual for the person</source>
      <translation>Adaptation : un profil apprend ce qui est habituel chez la personne</translation>
    </message>
    <message>
      <source>Research: what was kept may be used again</source>
      <translation>Recherche : ce qui a été conservé peut être réutilisé</translation>
    </message>
    <message>
      <source>7 days</source>
      <translation>7 jours</translation>
    </message>
    <message>
      <source>30 days</source>
      <translation>30 jours</translation>
    </message>
    <message>
      <source>90 days</source>
      <translation>90 jours</translation>
    </message>
    <message>
      <source>180 days</source>
      <translation>180 jours</translation>
    </message>
    <message>
      <source>1 year</source>
      <translation>1 an</translation>
    </message>
    <message>
      <source>5 years</source>
      <translation>5 ans</translation>
    </message>
    <message>
      <source>no fixed time</source>
      <translation>sans terme fixe</translation>
    </message>
    <message>
      <source>picture, sound and results</source>
      <translation>image, son et résultats</translation>
    </message>
    <message>
      <source>sound and results</source>
      <translation>son et résultats</translation>
    </message>
    <message>
      <source>results only (cues, words, estimates)</source>
      <translation>résultats seulement (indices, mots, estimations)</translation>
    </message>
    <message>
      <source>nothing</source>
      <translation>rien</translation>
    </message>
    <message>
      <source>Text version {version}, {hash}…</source>
      <translation>Texte, version {version}, {hash}…</translation>
    </message>
    <message>
      <source>What is not ticked counts as a no.</source>
      <translation>Ce qui n’est pas coché compte comme un non.</translation>
    </message>
    <message>
      <source>Nothing was agreed to, so nothing is recorded.</source>
      <translation>Rien n’a été accepté ; rien n’est donc enregistré.</translation>
    </message>
    <message>
      <source>What the person is told</source>
      <translation>Ce qui est dit à la personne</translation>
    </message>
    <message>
      <source>en</source>
      <comment>language in which the text of consent is shown at first: en or fr</comment>
      <translation>fr</translation>
    </message>
    <message>
      <source>Language of the text</source>
      <translation>Langue du texte</translation>
    </message>
    <message>
      <source>How long the session is kept</source>
      <translation>Durée de conservation de la séance</translation>
    </message>
    <message>
      <source>What of the session is stored</source>
      <translation>Ce qui est conservé de la séance</translation>
    </message>
    <message>
      <source>Te&amp;xt in</source>
      <translation>Lan&amp;gue du texte</translation>
    </message>
    <message>
      <source>&amp;Stored</source>
      <translation>&amp;Quoi</translation>
    </message>
    <message>
      <source>&amp;Kept for</source>
      <translation>Conser&amp;vé pendant</translation>
    </message>
  </context>
  <context>
    <name>Cues</name>
    <message>
      <source>'I think'</source>
      <translation>« je pense »</translation>
    </message>
    <message>
      <source>'feel'</source>
      <translation>« ressentir »</translation>
    </message>
    <message>
      <source>a contrast</source>
      <translation>un contraste</translation>
    </message>
    <message>
      <source>a drawn-out sound</source>
      <translation>un son prolongé</translation>
    </message>
    <message>
      <source>a filler sound</source>
      <translation>un son d’hésitation</translation>
    </message>
    <message>
      <source>a hand at the face</source>
      <translation>une main au visage</translation>
    </message>
    <message>
      <source>a hedge</source>
      <translation>une atténuation</translation>
    </message>
    <message>
      <source>a higher voice</source>
      <translation>une voix plus haute</translation>
    </message>
    <message>
      <source>a late answer</source>
      <translation>une réponse tardive</translation>
    </message>
    <message>
      <source>a long answer</source>
      <translation>une longue réponse</translation>
    </message>
    <message>
      <source>a modal verb</source>
      <translation>un verbe modal</translation>
    </message>
    <message>
      <source>a mouth that starts and stops</source>
      <translation>une bouche qui commence et s’arrête</translation>
    </message>
    <message>
      <source>a negation</source>
      <translation>une négation</translation>
    </message>
    <message>
      <source>a pause</source>
      <translation>une pause</translation>
    </message>
    <message>
      <source>a repeated or corrected word</source>
      <translation>un mot répété ou corrigé</translation>
    </message>
    <message>
      <source>a shrug</source>
      <translation>un haussement d’épaules</translation>
    </message>
    <message>
      <source>a smile that comes and goes</source>
      <translation>un sourire qui va et vient</translation>
    </message>
    <message>
      <source>a tilted posture</source>
      <translation>une posture penchée</translation>
    </message>
    <message>
      <source>a wish</source>
      <translation>un souhait</translation>
    </message>
    <message>
      <source>an aside</source>
      <translation>une parenthèse</translation>
    </message>
    <message>
      <source>an unsteady pitch</source>
      <translation>une hauteur instable</translation>
    </message>
    <message>
      <source>an unsteady volume</source>
      <translation>un volume instable</translation>
    </message>
    <message>
      <source>blinking more often</source>
      <translation>des clignements plus fréquents</translation>
    </message>
    <message>
      <source>changing cheeks and eyes</source>
      <translation>des joues et des yeux changeants</translation>
    </message>
    <message>
      <source>conditions</source>
      <translation>des conditions</translation>
    </message>
    <message>
      <source>contrast words</source>
      <translation>des mots de contraste</translation>
    </message>
    <message>
      <source>emphatic words</source>
      <translation>des mots d’insistance</translation>
    </message>
    <message>
      <source>eyes held closed</source>
      <translation>des yeux gardés fermés</translation>
    </message>
    <message>
      <source>eyes moving from side to side</source>
      <translation>des yeux qui vont de côté</translation>
    </message>
    <message>
      <source>eyes moving up and down</source>
      <translation>des yeux qui montent et descendent</translation>
    </message>
    <message>
      <source>face and words that disagree</source>
      <translation>visage et mots en désaccord</translation>
    </message>
    <message>
      <source>fillers</source>
      <translation>des mots de remplissage</translation>
    </message>
    <message>
      <source>hedges</source>
      <translation>des atténuations</translation>
    </message>
    <message>
      <source>liking and disliking in one answer</source>
      <translation>goût et rejet dans une même réponse</translation>
    </message>
    <message>
      <source>long silences</source>
      <translation>de longs silences</translation>
    </message>
    <message>
      <source>looking away</source>
      <translation>un regard détourné</translation>
    </message>
    <message>
      <source>lowered brows</source>
      <translation>des sourcils abaissés</translation>
    </message>
    <message>
      <source>many pauses</source>
      <translation>beaucoup de pauses</translation>
    </message>
    <message>
      <source>modal verbs</source>
      <translation>des verbes modaux</translation>
    </message>
    <message>
      <source>negations</source>
      <translation>des négations</translation>
    </message>
    <message>
      <source>nodding</source>
      <translation>des hochements de tête</translation>
    </message>
    <message>
      <source>nose wrinkling on and off</source>
      <translation>un nez qui se plisse par moments</translation>
    </message>
    <message>
      <source>pressed lips</source>
      <translation>des lèvres pressées</translation>
    </message>
    <message>
      <source>raised brows</source>
      <translation>des sourcils levés</translation>
    </message>
    <message>
      <source>raised cheeks</source>
      <translation>des joues relevées</translation>
    </message>
    <message>
      <source>reasons</source>
      <translation>des raisons</translation>
    </message>
    <message>
      <source>restless brows</source>
      <translation>des sourcils agités</translation>
    </message>
    <message>
      <source>restless movement</source>
      <translation>des mouvements agités</translation>
    </message>
    <message>
      <source>shaking the head</source>
      <translation>la tête qui dit non</translation>
    </message>
    <message>
      <source>shifting posture</source>
      <translation>une posture qui change</translation>
    </message>
    <message>
      <source>slow speech</source>
      <translation>une parole lente</translation>
    </message>
    <message>
      <source>smiling</source>
      <translation>un sourire</translation>
    </message>
    <message>
      <source>talk of doing it</source>
      <translation>parler de le faire</translation>
    </message>
    <message>
      <source>talk of others</source>
      <translation>parler des autres</translation>
    </message>
    <message>
      <source>talk of the past</source>
      <translation>parler du passé</translation>
    </message>
    <message>
      <source>the answer so far</source>
      <translation>la réponse jusqu’ici</translation>
    </message>
    <message>
      <source>turning away</source>
      <translation>se détourner</translation>
    </message>
    <message>
      <source>vague words</source>
      <translation>des mots vagues</translation>
    </message>
    <message>
      <source>weighing words</source>
      <translation>des mots qui pèsent le pour et le contre</translation>
    </message>
    <message>
      <source>words and head that disagree</source>
      <translation>mots et tête en désaccord</translation>
    </message>
    <message>
      <source>words and voice that disagree</source>
      <translation>mots et voix en désaccord</translation>
    </message>
    <message>
      <source>words of regret or delay</source>
      <translation>des mots de regret ou de report</translation>
    </message>
  </context>
  <context>
    <name>Devices</name>
    <message>
      <source>No face is seen. Sit near enough, in front of the camera, face toward it.</source>
      <translation>Aucun visage n’est vu. Asseyez-vous assez près, devant la caméra, le visage tourné vers elle.</translation>
    </message>
    <message>
      <source>Too dark. Switch on a lamp in front of the face.</source>
      <translation>Trop sombre. Allumez une lampe devant le visage.</translation>
    </message>
    <message>
      <source>Too bright: the face is burnt out. Dim the lamp in front.</source>
      <translation>Trop clair : le visage est surexposé. Baissez la lampe placée devant.</translation>
    </message>
    <message>
      <source>Back-lit: what is behind is much brighter than the face. Turn away from the window, or light the face.</source>
      <translation>Contre-jour : l’arrière-plan est bien plus clair que le visage. Ne tournez pas le dos à la fenêtre, ou éclairez le visage.</translation>
    </message>
    <message>
      <source>Too far: the face is small in the picture. Come nearer.</source>
      <translation>Trop loin : le visage est petit dans l’image. Approchez-vous.</translation>
    </message>
    <message>
      <source>Turned away. Put the camera where the face points.</source>
      <translation>Tête tournée. Placez la caméra là où le visage est dirigé.</translation>
    </message>
    <message>
      <source>Blurred. Clean the lens, focus, or give more light.</source>
      <translation>Image floue. Nettoyez l’objectif, faites la mise au point ou ajoutez de la lumière.</translation>
    </message>
    <message>
      <source>Few pictures a second. More light, or another cable or program, may help.</source>
      <translation>Peu d’images par seconde. Plus de lumière, un autre câble ou un autre programme peuvent aider.</translation>
    </message>
    <message>
      <source>The picture does not change. Check that the camera is not frozen.</source>
      <translation>L’image ne change pas. Vérifiez que la caméra n’est pas figée.</translation>
    </message>
    <message>
      <source>No sound at all. Check that the microphone is not muted.</source>
      <translation>Aucun son. Vérifiez que le microphone n’est pas coupé.</translation>
    </message>
    <message>
      <source>No speech heard yet. Say a sentence.</source>
      <translation>Aucune parole entendue. Dites une phrase.</translation>
    </message>
    <message>
      <source>Clipping: the sound is too loud for the input. Turn it down.</source>
      <translation>Saturation : le son est trop fort pour l’entrée. Baissez-le.</translation>
    </message>
    <message>
      <source>Too quiet. Come nearer to the microphone, or turn it up.</source>
      <translation>Trop faible. Approchez-vous du microphone ou montez le niveau.</translation>
    </message>
    <message>
      <source>Noisy room: speech hardly stands out. Close windows, switch off fans.</source>
      <translation>Pièce bruyante : la parole ressort à peine. Fermez les fenêtres, éteignez les ventilateurs.</translation>
    </message>
    <message>
      <source>Level of the microphone</source>
      <translation>Niveau du microphone</translation>
    </message>
  </context>
  <context>
    <name>DevicesScreen</name>
    <message>
      <source>Preview of the camera</source>
      <translation>Aperçu de la caméra</translation>
    </message>
    <message>
      <source>Picture</source>
      <translation>Image</translation>
    </message>
    <message>
      <source>The camera is gone. It is tried again until it is back.</source>
      <translation>La caméra a disparu. Un nouvel essai est fait jusqu’à son retour.</translation>
    </message>
    <message>
      <source>The camera is off.</source>
      <translation>La caméra est désactivée.</translation>
    </message>
    <message>
      <source>The camera is being opened…</source>
      <translation>Ouverture de la caméra…</translation>
    </message>
    <message>
      <source>Waiting for the first picture…</source>
      <translation>En attente de la première image…</translation>
    </message>
    <message>
      <source>The camera is gone ({reason}). It is tried again until it is back.</source>
      <translation>La caméra a disparu ({reason}). Un nouvel essai est fait jusqu’à son retour.</translation>
    </message>
    <message>
      <source>{width} × {height} pixels</source>
      <translation>{width} × {height} pixels</translation>
    </message>
    <message>
      <source>{size}, rate is being measured</source>
      <translation>{size}, cadence en cours de mesure</translation>
    </message>
    <message>
      <source>{size}, {fps} pictures a second measured</source>
      <translation>{size}, {fps} images par seconde mesurées</translation>
    </message>
    <message>
      <source>peak {peak} dBFS</source>
      <translation>crête {peak} dBFS</translation>
    </message>
    <message>
      <source>, speech {speech} dBFS</source>
      <translation>, parole {speech} dBFS</translation>
    </message>
    <message>
      <source>, room {noise} dBFS</source>
      <translation>, pièce {noise} dBFS</translation>
    </message>
    <message>
      <source>The microphone is off.</source>
      <translation>Le microphone est désactivé.</translation>
    </message>
    <message>
      <source>The microphone is being opened…</source>
      <translation>Ouverture du microphone…</translation>
    </message>
    <message>
      <source>Waiting for the first sound…</source>
      <translation>En attente du premier son…</translation>
    </message>
    <message>
      <source>The microphone is gone ({reason}). It is tried again until it is back.</source>
      <translation>Le microphone a disparu ({reason}). Un nouvel essai est fait jusqu’à son retour.</translation>
    </message>
    <message>
      <source>Sound</source>
      <translation>Son</translation>
    </message>
    <message>
      <source>The microphone is gone. It is tried again until it is back.</source>
      <translation>Le microphone a disparu. Un nouvel essai est fait jusqu’à son retour.</translation>
    </message>
    <message>
      <source>Stop &amp;test</source>
      <translation>Arrêter le &amp;test</translation>
    </message>
    <message>
      <source>Clap &amp;test</source>
      <translation>&amp;Test de claquement</translation>
    </message>
    <message>
      <source>Needs a camera and a microphone; a file in their place has no delay.</source>
      <translation>Il faut une caméra et un microphone ; un fichier à leur place n’a pas de décalage.</translation>
    </message>
    <message>
      <source>Clap {claps} times before the camera, a second apart; let the hands rest together. {count} so far.</source>
      <translation>Claquez des mains {claps} fois devant la caméra, à une seconde d’intervalle, en laissant les mains jointes. {count} jusqu’ici.</translation>
    </message>
    <message>
      <source>A sound came without a movement: clap where the camera sees it.</source>
      <translation>Un son est venu sans mouvement : claquez des mains là où la caméra les voit.</translation>
    </message>
    <message>
      <source>Shows by how much sound and picture are apart: clap {claps} times.</source>
      <translation>Montre l’écart entre le son et l’image : claquez des mains {claps} fois.</translation>
    </message>
    <message>
      <source>Sound comes {by} ± {off} ms after the picture (median of {claps} claps).</source>
      <translation>Le son arrive {by} ± {off} ms après l’image (médiane de {claps} claquements).</translation>
    </message>
    <message>
      <source>Sound comes {by} ± {off} ms before the picture (median of {claps} claps).</source>
      <translation>Le son arrive {by} ± {off} ms avant l’image (médiane de {claps} claquements).</translation>
    </message>
    <message>
      <source>A viewer would not notice.</source>
      <translation>Un spectateur ne le remarquerait pas.</translation>
    </message>
    <message>
      <source>A viewer would notice: try another microphone, cable or port.</source>
      <translation>Un spectateur le remarquerait : essayez un autre microphone, câble ou port.</translation>
    </message>
    <message>
      <source>Model files are being looked at…</source>
      <translation>Vérification des fichiers de modèles…</translation>
    </message>
    <message>
      <source>All {count} model files are there.</source>
      <translation>Les {count} fichiers de modèles sont tous là.</translation>
    </message>
    <message>
      <source>Model files are missing or damaged: {names}. Run “{command}” in a terminal, then press Rescan.</source>
      <translation>Des fichiers de modèles manquent ou sont endommagés : {names}. Lancez « {command} » dans un terminal, puis appuyez sur Actualiser.</translation>
    </message>
    <message>
      <source>Disk space is being looked at…</source>
      <translation>Vérification de l’espace disque…</translation>
    </message>
    <message>
      <source>{free} GB free: about {hours} hours of recording at {rate} GB an hour, as measured.</source>
      <translation>{free} Go libres : environ {hours} heures d’enregistrement à {rate} Go par heure, d’après la mesure.</translation>
    </message>
    <message>
      <source>{free} GB free: about {hours} hours of recording at {rate} GB an hour, an upper estimate.</source>
      <translation>{free} Go libres : environ {hours} heures d’enregistrement à {rate} Go par heure, estimation haute.</translation>
    </message>
    <message>
      <source>{what}: not known</source>
      <translation>{what} : inconnu</translation>
    </message>
    <message>
      <source>{what}: to mend</source>
      <translation>{what} : à corriger</translation>
    </message>
    <message>
      <source>{what}: nothing to mend, as far as it can be seen without the face model</source>
      <translation>{what} : rien à corriger, pour autant qu’on le voie sans le modèle du visage</translation>
    </message>
    <message>
      <source>{what}: good</source>
      <translation>{what} : bon</translation>
    </message>
    <message>
      <source>{name} (may not be opened by this user)</source>
      <translation>{name} (cet utilisateur ne peut pas l’ouvrir)</translation>
    </message>
    <message>
      <source>Camera {number} (not found)</source>
      <translation>Caméra {number} (introuvable)</translation>
    </message>
    <message>
      <source>Stream address or file…</source>
      <translation>Adresse de flux ou fichier…</translation>
    </message>
    <message>
      <source>No camera</source>
      <translation>Pas de caméra</translation>
    </message>
    <message>
      <source>System default</source>
      <translation>Choix du système</translation>
    </message>
    <message>
      <source>Sound of the file above</source>
      <translation>Son du fichier ci-dessus</translation>
    </message>
    <message>
      <source>No microphone</source>
      <translation>Pas de microphone</translation>
    </message>
    <message>
      <source>{name} (not found)</source>
      <translation>{name} (introuvable)</translation>
    </message>
    <message>
      <source>A clip in place of a camera</source>
      <translation>Un clip à la place d’une caméra</translation>
    </message>
    <message>
      <source>Camera</source>
      <translation>Caméra</translation>
    </message>
    <message>
      <source>Microphone</source>
      <translation>Microphone</translation>
    </message>
    <message>
      <source>Stream address or file</source>
      <translation>Adresse de flux ou fichier</translation>
    </message>
    <message>
      <source>&amp;Browse…</source>
      <translation>Parc&amp;ourir…</translation>
    </message>
    <message>
      <source>&amp;Rescan</source>
      <translation>&amp;Actualiser</translation>
    </message>
    <message>
      <source>Look for devices and model files again</source>
      <translation>Rechercher à nouveau les appareils et les fichiers de modèles</translation>
    </message>
    <message>
      <source>&amp;Next: set-up</source>
      <translation>Suite : préparatio&amp;n</translation>
    </message>
    <message>
      <source>M&amp;irror</source>
      <translation>Mi&amp;roir</translation>
    </message>
    <message>
      <source>B&amp;ox and landmarks</source>
      <translation>Cadre et repère&amp;s</translation>
    </message>
    <message>
      <source>In this preview only; what is recorded is not mirrored</source>
      <translation>Dans cet aperçu seulement ; l’enregistrement n’est pas inversé</translation>
    </message>
    <message>
      <source>Quality of the picture</source>
      <translation>Qualité de l’image</translation>
    </message>
    <message>
      <source>Quality of the sound</source>
      <translation>Qualité du son</translation>
    </message>
    <message>
      <source>Result of the clap test</source>
      <translation>Résultat du test de claquement</translation>
    </message>
    <message>
      <source>Model files</source>
      <translation>Fichiers de modèles</translation>
    </message>
    <message>
      <source>&amp;Address</source>
      <translation>A&amp;dresse</translation>
    </message>
    <message>
      <source>&amp;Camera</source>
      <translation>&amp;Caméra</translation>
    </message>
    <message>
      <source>&amp;Microphone</source>
      <translation>&amp;Microphone</translation>
    </message>
    <message>
      <source>Devices</source>
      <translation>Appareils</translation>
    </message>
    <message>
      <source>Picture and sound together</source>
      <translation>Image et son ensemble</translation>
    </message>
    <message>
      <source>This computer</source>
      <translation>Cet ordinateur</translation>
    </message>
  </context>
  <context>
    <name>ExportDialog</name>
    <message>
      <source>a row per frame, every column with meaning and unit, and a codebook (Parquet)</source>
      <translation>une ligne par image, chaque colonne avec son sens et son unité, et un lexique (Parquet)</translation>
    </message>
    <message>
      <source>a row per frame, the segments, and a codebook (CSV)</source>
      <translation>une ligne par image, les segments et un lexique (CSV)</translation>
    </message>
    <message>
      <source>tiers of segments, words, cues, events and human corrections (ELAN)</source>
      <translation>pistes des segments, mots, indices, événements et corrections humaines (ELAN)</translation>
    </message>
    <message>
      <source>discrete, continuous and free annotations with confidence (NOVA, SSI)</source>
      <translation>annotations discrètes, continues et libres, avec confiance (NOVA, SSI)</translation>
    </message>
    <message>
      <source>the same tiers as ELAN's (Praat)</source>
      <translation>les mêmes pistes que pour ELAN (Praat)</translation>
    </message>
    <message>
      <source>words as captions, each word with its time (WebVTT)</source>
      <translation>mots en sous-titres, chaque mot avec son temps (WebVTT)</translation>
    </message>
    <message>
      <source>words as captions (SubRip)</source>
      <translation>mots en sous-titres (SubRip)</translation>
    </message>
    <message>
      <source>estimate, channels, cues, words and markers as streams (XDF, LSL)</source>
      <translation>estimation, canaux, indices, mots et repères en flux (XDF, LSL)</translation>
    </message>
    <message>
      <source>report to read or print (HTML)</source>
      <translation>rapport à lire ou à imprimer (HTML)</translation>
    </message>
    <message>
      <source>report to read or print (PDF, A4)</source>
      <translation>rapport à lire ou à imprimer (PDF, A4)</translation>
    </message>
    <message>
      <source>pictures and sound in session time (H.264, AAC)</source>
      <translation>image et son au temps de la séance (H.264, AAC)</translation>
    </message>
    <message>
      <source>pictures and sound in session time (H.264, FLAC)</source>
      <translation>image et son au temps de la séance (H.264, FLAC)</translation>
    </message>
    <message>
      <source>Export of “{name}”</source>
      <translation>Exportation de « {name} »</translation>
    </message>
    <message>
      <source>Words, prompts and notes</source>
      <translation>Mots, questions et notes</translation>
    </message>
    <message>
      <source>Pictures and sound</source>
      <translation>Image et son</translation>
    </message>
    <message>
      <source>Replace names in words and notes (a guess)</source>
      <translation>Remplacer les noms dans les mots et les notes (une supposition)</translation>
    </message>
    <message>
      <source>Blur the face in films</source>
      <translation>Flouter le visage dans les films</translation>
    </message>
    <message>
      <source>Show moments of the video in the report</source>
      <translation>Montrer des moments de la vidéo dans le rapport</translation>
    </message>
    <message>
      <source>Two choices contradict each other: pictures shown and hidden.</source>
      <translation>Deux choix se contredisent : images montrées et cachées.</translation>
    </message>
    <message>
      <source>What is exported is not encrypted.</source>
      <translation>Ce qui est exporté n’est pas chiffré.</translation>
    </message>
    <message>
      <source>The person did not agree to reuse for research.</source>
      <translation>La personne n’a pas accepté la réutilisation pour la recherche.</translation>
    </message>
    <message>
      <source>Formats</source>
      <translation>Formats</translation>
    </message>
    <message>
      <source>What leaves the session</source>
      <translation>Ce qui sort de la séance</translation>
    </message>
    <message>
      <source>&amp;Choose a folder and export…</source>
      <translation>&amp;Choisir un dossier et exporter…</translation>
    </message>
    <message>
      <source>&amp;Do not export</source>
      <translation>&amp;Ne pas exporter</translation>
    </message>
  </context>
  <context>
    <name>Guide</name>
    <message>
      <source>The railway station stands at the end of a wide street. It is built of red brick and has a tall tower with a clock. Under the long glass roof there are six platforms. The first train leaves at five in the morning and carries letters and newspapers to the coast. At eight the hall is full, and a voice reads out the names of the towns along the line. A board on the wall shows each platform and each hour. On the left there is a small shop with maps, pens and postcards. Behind the station the rails follow the river, cross a stone bridge, and run on between green fields down to the sea. In the evening the lamps are lit one after the other, and the last train comes in at midnight.</source>
      <translation>La gare se trouve au bout d’une large rue. Elle est bâtie en brique rouge et possède une haute tour avec une horloge. Sous le long toit de verre, il y a six quais. Le premier train part à cinq heures du matin et porte des lettres et des journaux vers la côte. À huit heures, le hall est plein, et une voix annonce les noms des villes le long de la ligne. Un tableau au mur montre chaque quai et chaque heure. À gauche, il y a une petite boutique avec des cartes, des stylos et des cartes postales. Derrière la gare, les rails suivent la rivière, passent un pont de pierre et courent entre des champs verts jusqu’à la mer. Le soir, les lampes s’allument l’une après l’autre, et le dernier train arrive à minuit.</translation>
    </message>
    <message>
      <source>Think of a room in which you spend much of the day. Describe it: what stands where, and which colours and sounds it has.</source>
      <translation>Pensez à une pièce où vous passez une grande partie de la journée. Décrivez-la : ce qui s’y trouve et où, et quelles couleurs et quels sons elle a.</translation>
    </message>
    <message>
      <source>Read aloud</source>
      <translation>Lire à voix haute</translation>
    </message>
    <message>
      <source>Read this text aloud at your own pace. At its end, begin again.</source>
      <translation>Lisez ce texte à voix haute, à votre rythme. À la fin, recommencez.</translation>
    </message>
    <message>
      <source>Answer a question</source>
      <translation>Répondre à une question</translation>
    </message>
    <message>
      <source>Answer in your own words, as you would tell a friend. Every answer is fine.</source>
      <translation>Répondez avec vos propres mots, comme vous le raconteriez à un ami. Toute réponse convient.</translation>
    </message>
    <message>
      <source>Sit quietly</source>
      <translation>Rester tranquille</translation>
    </message>
    <message>
      <source>Sit quietly for a moment and look at the screen.</source>
      <translation>Restez tranquillement assis un moment et regardez l’écran.</translation>
    </message>
    <message>
      <source>A little more</source>
      <translation>Encore un peu</translation>
    </message>
    <message>
      <source>Something is still missing. Go on with your answer, or read the text once more.</source>
      <translation>Il manque encore quelque chose. Continuez votre réponse, ou relisez le texte.</translation>
    </message>
  </context>
  <context>
    <name>LiveScreen</name>
    <message>
      <source>Probability and its 80 % band</source>
      <translation>Probabilité et sa bande à 80 %</translation>
    </message>
    <message>
      <source>Why now</source>
      <translation>Pourquoi maintenant</translation>
    </message>
    <message>
      <source>Estimate in words</source>
      <translation>Estimation en mots</translation>
    </message>
    <message>
      <source>signs consistent with ambivalence/hesitancy, model estimate</source>
      <translation>signes compatibles avec l’ambivalence ou l’hésitation, estimation du modèle</translation>
    </message>
    <message>
      <source>Estimate in numbers</source>
      <translation>Estimation en chiffres</translation>
    </message>
    <message>
      <source>hidden while recording</source>
      <translation>masquée pendant l’enregistrement</translation>
    </message>
    <message>
      <source>no estimate yet</source>
      <translation>pas encore d’estimation</translation>
    </message>
    <message>
      <source>No single cue raises it now.</source>
      <translation>Aucun indice isolé ne l’élève en ce moment.</translation>
    </message>
    <message>
      <source>settled: will not change any more</source>
      <translation>définitif : ne changera plus</translation>
    </message>
    <message>
      <source>provisional: later words may change it</source>
      <translation>provisoire : des mots ultérieurs peuvent le changer</translation>
    </message>
    <message>
      <source>Prompt</source>
      <translation>Consigne</translation>
    </message>
    <message>
      <source>Prompts</source>
      <translation>Consignes</translation>
    </message>
    <message>
      <source>Text of the prompt</source>
      <translation>Texte de la consigne</translation>
    </message>
    <message>
      <source>Response latency</source>
      <translation>Délai de réponse</translation>
    </message>
    <message>
      <source>&amp;Back</source>
      <translation>Re&amp;tour</translation>
    </message>
    <message>
      <source>&amp;Next prompt</source>
      <translation>Consigne suiva&amp;nte</translation>
    </message>
    <message>
      <source>It has &amp;ended</source>
      <translation>&amp;Vient de finir</translation>
    </message>
    <message>
      <source>Key B</source>
      <translation>Touche B</translation>
    </message>
    <message>
      <source>Key N</source>
      <translation>Touche N</translation>
    </message>
    <message>
      <source>Space or Enter: the prompt has ended, the answer begins</source>
      <translation>Espace ou Entrée : la consigne est finie, la réponse commence</translation>
    </message>
    <message>
      <source>Keys: N next prompt, Space it has ended, 1–9 marker, M marker with a note, Q quiet</source>
      <translation>Touches : N consigne suivante, Espace elle est finie, 1–9 marque, M marque avec une note, Q discret</translation>
    </message>
    <message>
      <source>No prompts are planned. Space marks that one has ended.</source>
      <translation>Aucune consigne n’est prévue. Espace marque la fin d’une consigne.</translation>
    </message>
    <message>
      <source>Prompt {number} of {count}</source>
      <translation>Consigne {number} sur {count}</translation>
    </message>
    <message>
      <source>{count} prompts</source>
      <translation>{count} consignes</translation>
    </message>
    <message>
      <source>N shows the first prompt.</source>
      <translation>N montre la première consigne.</translation>
    </message>
    <message>
      <source>Press Space the moment it ends: the answer is timed from there.</source>
      <translation>Appuyez sur Espace au moment où elle finit : le délai de réponse se mesure à partir de là.</translation>
    </message>
    <message>
      <source>Channels</source>
      <translation>Canaux</translation>
    </message>
    <message>
      <source>Ready</source>
      <translation>Prêt</translation>
    </message>
    <message>
      <source>Starting</source>
      <translation>Démarrage</translation>
    </message>
    <message>
      <source>Recording</source>
      <translation>Enregistrement</translation>
    </message>
    <message>
      <source>Paused</source>
      <translation>En pause</translation>
    </message>
    <message>
      <source>Finishing the files</source>
      <translation>Fichiers en cours d’achèvement</translation>
    </message>
    <message>
      <source>Deleting</source>
      <translation>Suppression</translation>
    </message>
    <message>
      <source>Finished</source>
      <translation>Terminé</translation>
    </message>
    <message>
      <source>Could not start</source>
      <translation>Démarrage impossible</translation>
    </message>
    <message>
      <source>Loading the models…</source>
      <translation>Chargement des modèles…</translation>
    </message>
    <message>
      <source>Opening camera and microphone…</source>
      <translation>Ouverture de la caméra et du microphone…</translation>
    </message>
    <message>
      <source>Starting to record…</source>
      <translation>L’enregistrement commence…</translation>
    </message>
    <message>
      <source>much</source>
      <translation>beaucoup</translation>
    </message>
    <message>
      <source>some</source>
      <translation>assez</translation>
    </message>
    <message>
      <source>a little</source>
      <translation>un peu</translation>
    </message>
    <message>
      <source>not started</source>
      <translation>pas commencé</translation>
    </message>
    <message>
      <source>{fps:.1f} fps</source>
      <translation>{fps:.1f} images/s</translation>
    </message>
    <message>
      <source>{share:.1f} % dropped</source>
      <translation>{share:.1f} % perdues</translation>
    </message>
    <message>
      <source>audio {lost} lost</source>
      <translation>audio {lost} perdus</translation>
    </message>
    <message>
      <source>words {behind:.1f} s behind</source>
      <translation>mots {behind:.1f} s de retard</translation>
    </message>
    <message>
      <source>row {ms:.0f} ms</source>
      <translation>ligne {ms:.0f} ms</translation>
    </message>
    <message>
      <source>NOT STORED ANY MORE: {files}</source>
      <translation>N’EST PLUS ENREGISTRÉ : {files}</translation>
    </message>
    <message>
      <source>STOPPED BY AN ERROR: {stages}</source>
      <translation>ARRÊTÉ PAR UNE ERREUR : {stages}</translation>
    </message>
    <message>
      <source>{free:.0f} GB free, enough for {hours:.0f} h</source>
      <translation>{free:.0f} Go libres, assez pour {hours:.0f} h</translation>
    </message>
    <message>
      <source>{cue}: adds {much}, odds × {factor:.1f}</source>
      <translation>{cue} : ajoute {much}, cote × {factor:.1f}</translation>
    </message>
    <message>
      <source>probability {p:.2f}, 80 % band {low:.2f} to {high:.2f}</source>
      <translation>probabilité {p:.2f}, bande à 80 % de {low:.2f} à {high:.2f}</translation>
    </message>
    <message>
      <source>Not seen or heard: {channels}.</source>
      <translation>Non vu ni entendu : {channels}.</translation>
    </message>
    <message>
      <source>Late: {channels}.</source>
      <translation>En retard : {channels}.</translation>
    </message>
    <message>
      <source>The answer had begun when the prompt ended.</source>
      <translation>La réponse avait commencé quand la consigne a fini.</translation>
    </message>
    <message>
      <source>Answered after {seconds:.2f} s.</source>
      <translation>Réponse après {seconds:.2f} s.</translation>
    </message>
    <message>
      <source>Waiting for an answer: {seconds:.1f} s.</source>
      <translation>En attente d’une réponse : {seconds:.1f} s.</translation>
    </message>
    <message>
      <source>The camera is gone ({reason}). Sound, voice and words go on; face and body are absent until it is back. It is tried again by itself.</source>
      <translation>La caméra a disparu ({reason}). Le son, la voix et les mots continuent ; le visage et le corps sont absents jusqu’à son retour. De nouveaux essais sont faits automatiquement.</translation>
    </message>
    <message>
      <source>The microphone is gone ({reason}). Pictures, face and body go on; voice and words are absent, and the sound is a recorded gap until it is back. It is tried again by itself.</source>
      <translation>Le microphone a disparu ({reason}). Les images, le visage et le corps continuent ; la voix et les mots sont absents, et le son est une lacune notée jusqu’à son retour. De nouveaux essais sont faits automatiquement.</translation>
    </message>
    <message>
      <source>The camera is back. What it missed stays a gap.</source>
      <translation>La caméra est de retour. Ce qu’elle a manqué reste une lacune.</translation>
    </message>
    <message>
      <source>The microphone is back. What it missed stays a gap.</source>
      <translation>Le microphone est de retour. Ce qu’il a manqué reste une lacune.</translation>
    </message>
    <message>
      <source>The stage “{stage}” was stopped by an error ({error}).</source>
      <translation>L’étage « {stage} » a été arrêté par une erreur ({error}).</translation>
    </message>
    <message>
      <source>Only {free} are free for {folder}; make room or stop soon.</source>
      <translation>Seulement {free} libres pour {folder} ; faites de la place ou arrêtez bientôt.</translation>
    </message>
    <message>
      <source>The clip has ended, so the recording was finished.</source>
      <translation>Le clip est fini ; l’enregistrement a donc été terminé.</translation>
    </message>
    <message>
      <source>The tracks cannot be drawn ({error}); the recording goes on.</source>
      <translation>Les pistes ne peuvent pas être dessinées ({error}) ; l’enregistrement continue.</translation>
    </message>
    <message>
      <source>Live</source>
      <translation>Direct</translation>
    </message>
    <message>
      <source>A recording is running.</source>
      <translation>Un enregistrement est en cours.</translation>
    </message>
    <message>
      <source>Stop it and finish its files? Nothing that was recorded is lost.</source>
      <translation>L’arrêter et terminer ses fichiers ? Rien de ce qui a été enregistré n’est perdu.</translation>
    </message>
    <message>
      <source>&amp;Stop and finish the files</source>
      <translation>&amp;Arrêter et terminer les fichiers</translation>
    </message>
    <message>
      <source>&amp;Keep recording</source>
      <translation>&amp;Continuer l’enregistrement</translation>
    </message>
    <message>
      <source>finishing the files of the recording</source>
      <translation>les fichiers de l’enregistrement sont en cours d’achèvement</translation>
    </message>
    <message>
      <source>&amp;Resume</source>
      <translation>&amp;Reprendre</translation>
    </message>
    <message>
      <source>&amp;Pause</source>
      <translation>Pa&amp;use</translation>
    </message>
    <message>
      <source>The recording is finished: {folder}.</source>
      <translation>L’enregistrement est terminé : {folder}.</translation>
    </message>
    <message>
      <source>Start begins to record.</source>
      <translation>Démarrer lance l’enregistrement.</translation>
    </message>
    <message>
      <source>Paused: nothing is recorded or analysed.</source>
      <translation>En pause : rien n’est enregistré ni analysé.</translation>
    </message>
    <message>
      <source>The camera is gone. It is tried again until it is back.</source>
      <translation>La caméra a disparu. Un nouvel essai est fait jusqu’à son retour.</translation>
    </message>
    <message>
      <source>No picture.</source>
      <translation>Pas d’image.</translation>
    </message>
    <message>
      <source>Camera {video}, microphone {audio}, into {folder}</source>
      <translation>Caméra {video}, microphone {audio}, dans {folder}</translation>
    </message>
    <message>
      <source>person {name}, with their calibration if there is one</source>
      <translation>personne {name}, avec son étalonnage s’il y en a un</translation>
    </message>
    <message>
      <source>Nothing is recorded without consent: it is asked for in Set-up.</source>
      <translation>Rien n’est enregistré sans consentement : il est demandé dans Préparation.</translation>
    </message>
    <message>
      <source>Stop and delete “{folder}”?</source>
      <translation>Arrêter et supprimer « {folder} » ?</translation>
    </message>
    <message>
      <source>Video, sound, words and estimates of this recording are deleted for good.</source>
      <translation>La vidéo, le son, les mots et les estimations de cet enregistrement sont supprimés définitivement.</translation>
    </message>
    <message>
      <source>&amp;Delete all files</source>
      <translation>&amp;Supprimer tous les fichiers</translation>
    </message>
    <message>
      <source>Marker “{note}” at {time}.</source>
      <translation>Marque « {note} » à {time}.</translation>
    </message>
    <message>
      <source>Marker at {time}.</source>
      <translation>Marque à {time}.</translation>
    </message>
    <message>
      <source>Note for the marker at {time}; Enter sets it, Esc does not</source>
      <translation>Note pour la marque à {time} ; Entrée la pose, Échap l’abandonne</translation>
    </message>
    <message>
      <source>State of the recording</source>
      <translation>État de l’enregistrement</translation>
    </message>
    <message>
      <source>Time since the start</source>
      <translation>Temps depuis le début</translation>
    </message>
    <message>
      <source>Disk space</source>
      <translation>Espace disque</translation>
    </message>
    <message>
      <source>&amp;Start</source>
      <translation>&amp;Démarrer</translation>
    </message>
    <message>
      <source>S&amp;top</source>
      <translation>&amp;Arrêter</translation>
    </message>
    <message>
      <source>Stop and &amp;delete…</source>
      <translation>Arrêter et &amp;supprimer…</translation>
    </message>
    <message>
      <source>&amp;Quiet</source>
      <translation>Dis&amp;cret</translation>
    </message>
    <message>
      <source>Hide all estimates while recording (key Q)</source>
      <translation>Masquer toutes les estimations pendant l’enregistrement (touche Q)</translation>
    </message>
    <message>
      <source>&amp;Marker…</source>
      <translation>&amp;Marque…</translation>
    </message>
    <message>
      <source>Key M; keys 1 to 9 set a marker with that number at once</source>
      <translation>Touche M ; les touches 1 à 9 posent aussitôt une marque avec ce numéro</translation>
    </message>
    <message>
      <source>Note for the marker</source>
      <translation>Note pour la marque</translation>
    </message>
    <message>
      <source>Line of truth</source>
      <translation>Ligne de vérité</translation>
    </message>
  </context>
  <context>
    <name>LockLine</name>
    <message>
      <source>Encrypted; opens with the key of this account.</source>
      <translation>Chiffré ; s’ouvre avec la clé de ce compte.</translation>
    </message>
    <message>
      <source>Encrypted; opens with the passphrase.</source>
      <translation>Chiffré ; s’ouvre avec la phrase secrète.</translation>
    </message>
    <message>
      <source>Encrypted; opens with the key of this account, or with the passphrase.</source>
      <translation>Chiffré ; s’ouvre avec la clé de ce compte ou avec la phrase secrète.</translation>
    </message>
    <message>
      <source>There is no keychain that could keep a key: type a passphrase, or nothing can be stored.</source>
      <translation>Aucun trousseau ne peut garder une clé : saisissez une phrase secrète, sinon rien ne peut être conservé.</translation>
    </message>
    <message>
      <source>Type a passphrase…</source>
      <translation>Saisir une phrase secrète…</translation>
    </message>
    <message>
      <source>Passphrase</source>
      <translation>Phrase secrète</translation>
    </message>
    <message>
      <source>At least {count} characters. Whoever loses it loses the sessions; ahdetect forgets it.</source>
      <translation>Au moins {count} caractères. Qui la perd perd les séances ; ahdetect l’oublie.</translation>
    </message>
    <message>
      <source>That was shorter than {count} characters.</source>
      <translation>C’était plus court que {count} caractères.</translation>
    </message>
  </context>
  <context>
    <name>MainWindow</name>
    <message>
      <source>Step {step}, {name}, you are here</source>
      <translation>Étape {step}, {name}, vous êtes ici</translation>
    </message>
    <message>
      <source>Step {step}, {name}</source>
      <translation>Étape {step}, {name}</translation>
    </message>
    <message>
      <source>Steps of a session</source>
      <translation>Étapes d’une séance</translation>
    </message>
    <message>
      <source>&amp;File</source>
      <translation>&amp;Fichier</translation>
    </message>
    <message>
      <source>&amp;Go</source>
      <translation>Éta&amp;pes</translation>
    </message>
    <message>
      <source>&amp;View</source>
      <translation>Affic&amp;hage</translation>
    </message>
    <message>
      <source>&amp;Help</source>
      <translation>Aid&amp;e</translation>
    </message>
    <message>
      <source>Open &amp;session folder…</source>
      <translation>Ouvrir un &amp;dossier de séance…</translation>
    </message>
    <message>
      <source>Open &amp;clip…</source>
      <translation>Ouvrir un &amp;clip…</translation>
    </message>
    <message>
      <source>&amp;Quit</source>
      <translation>&amp;Quitter</translation>
    </message>
    <message>
      <source>&amp;Messages</source>
      <translation>&amp;Messages</translation>
    </message>
    <message>
      <source>As the &amp;system</source>
      <translation>Comme le &amp;système</translation>
    </message>
    <message>
      <source>&amp;Light</source>
      <translation>&amp;Clair</translation>
    </message>
    <message>
      <source>&amp;Dark</source>
      <translation>S&amp;ombre</translation>
    </message>
    <message>
      <source>&amp;Theme</source>
      <translation>&amp;Thème</translation>
    </message>
    <message>
      <source>Te&amp;xt size</source>
      <translation>Taille du te&amp;xte</translation>
    </message>
    <message>
      <source>La&amp;rger text</source>
      <translation>Texte plus &amp;grand</translation>
    </message>
    <message>
      <source>S&amp;maller text</source>
      <translation>Texte plus &amp;petit</translation>
    </message>
    <message>
      <source>L&amp;anguage</source>
      <translation>&amp;Langue</translation>
    </message>
    <message>
      <source>&amp;About ahdetect</source>
      <translation>À p&amp;ropos d’ahdetect</translation>
    </message>
    <message>
      <source>Open a session or an analysis</source>
      <translation>Ouvrir une séance ou une analyse</translation>
    </message>
    <message>
      <source>Open a clip</source>
      <translation>Ouvrir un clip</translation>
    </message>
    <message>
      <source>Clips</source>
      <translation>Clips</translation>
    </message>
    <message>
      <source>All files</source>
      <translation>Tous les fichiers</translation>
    </message>
    <message>
      <source>About ahdetect</source>
      <translation>À propos d’ahdetect</translation>
    </message>
    <message>
      <source>The language changes when ahdetect is started again.</source>
      <translation>La langue changera au prochain démarrage d’ahdetect.</translation>
    </message>
    <message>
      <source>The machine slept for {seconds:.0f} s. Nothing was seen or heard in that time.</source>
      <translation>L’ordinateur a été en veille pendant {seconds:.0f} s. Rien n’a été vu ni entendu pendant ce temps.</translation>
    </message>
    <message>
      <source>Closing: {work}</source>
      <translation>Fermeture : {work}</translation>
    </message>
    <message>
      <source>&lt;b&gt;ahdetect&lt;/b&gt; draws how far face, voice, words and body show signs consistent with ambivalence or hesitancy, with the cues that say so. It is a model estimate.</source>
      <translation>&lt;b&gt;ahdetect&lt;/b&gt; dessine dans quelle mesure le visage, la voix, les mots et le corps montrent des signes compatibles avec l’ambivalence ou l’hésitation, avec les indices qui le disent. C’est une estimation d’un modèle.</translation>
    </message>
    <message>
      <source>It is not a diagnosis, no lie detector, and does not say what a person feels or will do. It ranks nobody. “Unclear” is a real answer, and what was not seen or heard is shown as a grey gap with its reason.</source>
      <translation>Elle n’est pas un diagnostic ni un détecteur de mensonges, et ne dit pas ce qu’une personne ressent ou va faire. Elle ne classe personne. « Incertain » est une vraie réponse, et ce qui n’a pas été vu ou entendu est montré comme une lacune grise avec sa raison.</translation>
    </message>
    <message>
      <source>Face and voice channels rest on published effect sizes, not on training with this task's recordings; how well it works for a given person, language or setting is not known. Every segment can be contested.</source>
      <translation>Les canaux du visage et de la voix reposent sur des tailles d’effet publiées, non sur un apprentissage avec des enregistrements de cette tâche ; on ne sait pas dans quelle mesure cela vaut pour une personne, une langue ou un contexte donnés. Chaque segment peut être contesté.</translation>
    </message>
    <message>
      <source>Everything is computed on this machine; nothing leaves it. Licence: GPL-3.0-or-later.</source>
      <translation>Tout est calculé sur cet ordinateur ; rien n’en sort. Licence : GPL-3.0-or-later.</translation>
    </message>
  </context>
  <context>
    <name>Presence</name>
    <message>
      <source>present</source>
      <translation>présent</translation>
    </message>
    <message>
      <source>late</source>
      <translation>en retard</translation>
    </message>
    <message>
      <source>absent</source>
      <translation>absent</translation>
    </message>
  </context>
  <context>
    <name>Prompts</name>
    <message>
      <source>no kind</source>
      <translation>sans type</translation>
    </message>
    <message>
      <source>neutral</source>
      <translation>neutre</translation>
    </message>
    <message>
      <source>positive</source>
      <translation>positive</translation>
    </message>
    <message>
      <source>negative</source>
      <translation>négative</translation>
    </message>
    <message>
      <source>ambivalent</source>
      <translation>ambivalente</translation>
    </message>
    <message>
      <source>willing</source>
      <translation>volontaire</translation>
    </message>
    <message>
      <source>resistant</source>
      <translation>résistante</translation>
    </message>
    <message>
      <source>hesitant</source>
      <translation>hésitante</translation>
    </message>
  </context>
  <context>
    <name>Reasons</name>
    <message>
      <source>no face</source>
      <translation>pas de visage</translation>
    </message>
    <message>
      <source>no body</source>
      <translation>pas de corps</translation>
    </message>
    <message>
      <source>microphone gap</source>
      <translation>lacune du microphone</translation>
    </message>
    <message>
      <source>face stopped by an error</source>
      <translation>visage arrêté par une erreur</translation>
    </message>
    <message>
      <source>body stopped by an error</source>
      <translation>corps arrêté par une erreur</translation>
    </message>
    <message>
      <source>voice stopped by an error</source>
      <translation>voix arrêtée par une erreur</translation>
    </message>
    <message>
      <source>not in this session</source>
      <translation>pas dans cette séance</translation>
    </message>
    <message>
      <source>no video</source>
      <translation>pas de vidéo</translation>
    </message>
    <message>
      <source>no sound</source>
      <translation>pas de son</translation>
    </message>
    <message>
      <source>switched off</source>
      <translation>désactivé</translation>
    </message>
    <message>
      <source>paused</source>
      <translation>en pause</translation>
    </message>
    <message>
      <source>nothing yet</source>
      <translation>encore rien</translation>
    </message>
    <message>
      <source>no words yet</source>
      <translation>pas encore de mots</translation>
    </message>
    <message>
      <source>no words to compare with</source>
      <translation>pas de mots à comparer</translation>
    </message>
    <message>
      <source>neither face nor voice to compare with</source>
      <translation>ni visage ni voix à comparer</translation>
    </message>
    <message>
      <source>no frame came</source>
      <translation>aucune image reçue</translation>
    </message>
    <message>
      <source>it was disconnected</source>
      <translation>il a été débranché</translation>
    </message>
    <message>
      <source>it sends nothing</source>
      <translation>il n’envoie rien</translation>
    </message>
    <message>
      <source>the camera is gone</source>
      <translation>la caméra a disparu</translation>
    </message>
    <message>
      <source>the microphone is gone</source>
      <translation>le microphone a disparu</translation>
    </message>
    <message>
      <source>words # s behind</source>
      <translation>mots # s de retard</translation>
    </message>
    <message>
      <source># ms old</source>
      <translation>âge # ms</translation>
    </message>
    <message>
      <source>nothing new for over # ms</source>
      <translation>rien de nouveau depuis plus de # ms</translation>
    </message>
  </context>
  <context>
    <name>ReviewScreen</name>
    <message>
      <source>Stopping…</source>
      <translation>Arrêt…</translation>
    </message>
    <message>
      <source>Open a session or an analysis</source>
      <translation>Ouvrir une séance ou une analyse</translation>
    </message>
    <message>
      <source>Clips</source>
      <translation>Clips</translation>
    </message>
    <message>
      <source>All files</source>
      <translation>Tous les fichiers</translation>
    </message>
    <message>
      <source>Open a clip</source>
      <translation>Ouvrir un clip</translation>
    </message>
    <message>
      <source>Here, the screen Sessions takes the passphrase.</source>
      <translation>Ici, l’écran Séances prend la phrase secrète.</translation>
    </message>
    <message>
      <source>Reading the session…</source>
      <translation>Lecture de la séance…</translation>
    </message>
    <message>
      <source>Loading the models…</source>
      <translation>Chargement des modèles…</translation>
    </message>
    <message>
      <source>Analysing the clip…</source>
      <translation>Analyse du clip…</translation>
    </message>
    <message>
      <source>Writing the analysis…</source>
      <translation>Écriture de l’analyse…</translation>
    </message>
    <message>
      <source>No picture</source>
      <translation>Pas d’image</translation>
    </message>
    <message>
      <source>Working out the estimate without calibration…</source>
      <translation>Calcul de l’estimation sans étalonnage…</translation>
    </message>
    <message>
      <source>No calibration was used in this session, so there is nothing to compare.</source>
      <translation>Aucun étalonnage n’a été utilisé dans cette séance ; il n’y a donc rien à comparer.</translation>
    </message>
    <message>
      <source>Beside the estimate, the one without the calibration of {name}</source>
      <translation>À côté de l’estimation, celle sans l’étalonnage de {name}</translation>
    </message>
    <message>
      <source>Folder for the export</source>
      <translation>Dossier de l’exportation</translation>
    </message>
    <message>
      <source>Exporting…</source>
      <translation>Exportation…</translation>
    </message>
    <message>
      <source>{count} files written to {folder}. Of the person they hold {what}: only for those who may have that.</source>
      <translation>{count} fichiers écrits dans {folder}. De la personne, ils contiennent : {what}. Seulement pour ceux qui y ont droit.</translation>
    </message>
    <message>
      <source>First say who you are: type your initials.</source>
      <translation>Dites d’abord qui vous êtes : tapez vos initiales.</translation>
    </message>
    <message>
      <source>Stored: {what}.</source>
      <translation>Enregistré : {what}.</translation>
    </message>
    <message>
      <source>&amp;Model's segments ({count})</source>
      <translation>Segments du &amp;modèle ({count})</translation>
    </message>
    <message>
      <source>What people sa&amp;y ({count})</source>
      <translation>Avis des personne&amp;s ({count})</translation>
    </message>
    <message>
      <source>❚❚ &amp;Pause</source>
      <translation>❚❚ Pa&amp;use</translation>
    </message>
    <message>
      <source>▶ &amp;Play</source>
      <translation>▶ &amp;Lire</translation>
    </message>
    <message>
      <source>The sound leads, the picture follows.</source>
      <translation>Le son mène, l’image suit.</translation>
    </message>
    <message>
      <source>Without sound ({why}): the computer's clock leads.</source>
      <translation>Sans son ({why}) : l’horloge de l’ordinateur mène.</translation>
    </message>
    <message>
      <source>{band} at {time}</source>
      <translation>{band} à {time}</translation>
    </message>
    <message>
      <source>Probability {p:.2f}, 80 % band {low:.2f} to {high:.2f}</source>
      <translation>Probabilité {p:.2f}, bande à 80 % de {low:.2f} à {high:.2f}</translation>
    </message>
    <message>
      <source>(provisional: later words may still change it)</source>
      <translation>(provisoire : des mots ultérieurs peuvent encore le changer)</translation>
    </message>
    <message>
      <source>What it is</source>
      <translation>Ce que c’est</translation>
    </message>
    <message>
      <source>signs consistent with ambivalence/hesitancy, model estimate</source>
      <translation>signes compatibles avec l’ambivalence ou l’hésitation, estimation du modèle</translation>
    </message>
    <message>
      <source>How sure</source>
      <translation>Quelle certitude</translation>
    </message>
    <message>
      <source>{band}, probability {p:.2f}, 80 % band {low:.2f} to {high:.2f}</source>
      <translation>{band}, probabilité {p:.2f}, bande à 80 % de {low:.2f} à {high:.2f}</translation>
    </message>
    <message>
      <source>Without calibration</source>
      <translation>Sans étalonnage</translation>
    </message>
    <message>
      <source>{p:.2f} once the whole recording is known</source>
      <translation>{p:.2f} une fois tout l’enregistrement connu</translation>
    </message>
    <message>
      <source>In hindsight</source>
      <translation>Rétrospectivement</translation>
    </message>
    <message>
      <source>no cue stands out</source>
      <translation>aucun indice ne ressort</translation>
    </message>
    <message>
      <source>Why</source>
      <translation>Pourquoi</translation>
    </message>
    <message>
      <source>For and against (log-odds)</source>
      <translation>Pour et contre (log-cotes)</translation>
    </message>
    <message>
      <source>nothing: all channels were there</source>
      <translation>rien : tous les canaux étaient là</translation>
    </message>
    <message>
      <source>Not seen or heard</source>
      <translation>Non vu ni entendu</translation>
    </message>
    <message>
      <source>Choose a segment to see what speaks for it.</source>
      <translation>Choisissez un segment pour voir ce qui l’appuie.</translation>
    </message>
    <message>
      <source>Segment {number}: mean {mean:.2f}, highest {peak:.2f}</source>
      <translation>Segment {number} : moyenne {mean:.2f}, maximum {peak:.2f}</translation>
    </message>
    <message>
      <source>Said</source>
      <translation>Dit</translation>
    </message>
    <message>
      <source>Cues</source>
      <translation>Indices</translation>
    </message>
    <message>
      <source>Channel</source>
      <translation>Canal</translation>
    </message>
    <message>
      <source>adds</source>
      <translation>ajoute</translation>
    </message>
    <message>
      <source>Top cues</source>
      <translation>Indices principaux</translation>
    </message>
    <message>
      <source>At the cursor</source>
      <translation>Au curseur</translation>
    </message>
    <message>
      <source>Words</source>
      <translation>Mots</translation>
    </message>
    <message>
      <source>Open a recorded session, a folder that was analysed, or any clip. A clip is analysed first, which may take as long as it plays. Nothing leaves this computer.</source>
      <translation>Ouvrez une séance enregistrée, un dossier analysé ou n’importe quel clip. Un clip est d’abord analysé, ce qui peut durer aussi longtemps que sa lecture. Rien ne sort de cet ordinateur.</translation>
    </message>
    <message>
      <source>Open &amp;session folder…</source>
      <translation>Ouvrir un &amp;dossier de séance…</translation>
    </message>
    <message>
      <source>Open clip…</source>
      <translation>Ouvrir un clip…</translation>
    </message>
    <message>
      <source>Progress</source>
      <translation>Avancement</translation>
    </message>
    <message>
      <source>Ca&amp;ncel</source>
      <translation>A&amp;nnuler</translation>
    </message>
    <message>
      <source>Video at the cursor</source>
      <translation>Vidéo au curseur</translation>
    </message>
    <message>
      <source>What the model thinks at the cursor</source>
      <translation>Ce que le modèle estime au curseur</translation>
    </message>
    <message>
      <source>Speed</source>
      <translation>Vitesse</translation>
    </message>
    <message>
      <source>Speed ([ slower, ] faster)</source>
      <translation>Vitesse ([ plus lent, ] plus vite)</translation>
    </message>
    <message>
      <source>Previous segment (Page Up)</source>
      <translation>Segment précédent (Page préc.)</translation>
    </message>
    <message>
      <source>One picture back (comma)</source>
      <translation>Une image en arrière (virgule)</translation>
    </message>
    <message>
      <source>Play or pause (Space)</source>
      <translation>Lire ou mettre en pause (Espace)</translation>
    </message>
    <message>
      <source>One picture on (full stop)</source>
      <translation>Une image en avant (point)</translation>
    </message>
    <message>
      <source>Next segment (Page Down)</source>
      <translation>Segment suivant (Page suiv.)</translation>
    </message>
    <message>
      <source>&amp;Transcript</source>
      <translation>&amp;Transcription</translation>
    </message>
    <message>
      <source>Filled: the word at the cursor. Dashed underline: a language marker.</source>
      <translation>Rempli : le mot au curseur. Souligné de tirets : une marque du langage.</translation>
    </message>
    <message>
      <source>From – to</source>
      <translation>De – à</translation>
    </message>
    <message>
      <source>Mean p</source>
      <translation>p moyen</translation>
    </message>
    <message>
      <source>People say</source>
      <translation>Avis</translation>
    </message>
    <message>
      <source>The model's segments</source>
      <translation>Segments du modèle</translation>
    </message>
    <message>
      <source>Evidence of the chosen segment</source>
      <translation>Appui du segment choisi</translation>
    </message>
    <message>
      <source>Verdict</source>
      <translation>Verdict</translation>
    </message>
    <message>
      <source>About</source>
      <translation>Au sujet de</translation>
    </message>
    <message>
      <source>By</source>
      <translation>Par</translation>
    </message>
    <message>
      <source>Note</source>
      <translation>Note</translation>
    </message>
    <message>
      <source>When (UTC)</source>
      <translation>Quand (UTC)</translation>
    </message>
    <message>
      <source>What people say</source>
      <translation>Avis des personnes</translation>
    </message>
    <message>
      <source>The model's segments and what people say</source>
      <translation>Segments du modèle et avis des personnes</translation>
    </message>
    <message>
      <source>&amp;Initials</source>
      <translation>&amp;Initiales</translation>
    </message>
    <message>
      <source>N&amp;ote</source>
      <translation>N&amp;ote</translation>
    </message>
    <message>
      <source>From</source>
      <translation>De</translation>
    </message>
    <message>
      <source>to</source>
      <translation>à</translation>
    </message>
    <message>
      <source>✓ &amp;Accept</source>
      <translation>✓ &amp;Accepter</translation>
    </message>
    <message>
      <source>The segment is right (A)</source>
      <translation>Le segment est juste (A)</translation>
    </message>
    <message>
      <source>↔ &amp;Correct</source>
      <translation>↔ &amp;Corriger</translation>
    </message>
    <message>
      <source>Its borders are from and to (C)</source>
      <translation>Ses bornes sont de et à (C)</translation>
    </message>
    <message>
      <source>✗ &amp;Reject</source>
      <translation>✗ &amp;Rejeter</translation>
    </message>
    <message>
      <source>There is nothing of the kind (R)</source>
      <translation>Il n’y a rien de tel (R)</translation>
    </message>
    <message>
      <source>+ A&amp;dd</source>
      <translation>+ A&amp;jouter</translation>
    </message>
    <message>
      <source>The model missed one, from and to (N)</source>
      <translation>Le modèle en a manqué un, de et à (N)</translation>
    </message>
    <message>
      <source>&amp;Withdraw</source>
      <translation>Enle&amp;ver</translation>
    </message>
    <message>
      <source>Take back what is chosen below (Delete)</source>
      <translation>Retirer ce qui est choisi ci-dessous (Suppr)</translation>
    </message>
    <message>
      <source>&amp;Undo</source>
      <translation>A&amp;nnuler</translation>
    </message>
    <message>
      <source>Take back the newest change (Ctrl+Z)</source>
      <translation>Annuler le dernier changement (Ctrl+Z)</translation>
    </message>
    <message>
      <source>R&amp;edo</source>
      <translation>Réta&amp;blir</translation>
    </message>
    <message>
      <source>Say it again (Ctrl+Y)</source>
      <translation>Le rétablir (Ctrl+Y)</translation>
    </message>
    <message>
      <source>Click: go there. Wheel: zoom. Drag: scroll. Shift and drag: choose from and to.</source>
      <translation>Clic : y aller. Molette : zoom. Glisser : défiler. Maj et glisser : choisir de et à.</translation>
    </message>
    <message>
      <source>Zoom in</source>
      <translation>Zoom avant</translation>
    </message>
    <message>
      <source>Zoom out</source>
      <translation>Zoom arrière</translation>
    </message>
    <message>
      <source>Show a&amp;ll</source>
      <translation>Vue &amp;globale</translation>
    </message>
    <message>
      <source>As ta&amp;ble</source>
      <translation>Tableau de &amp;données</translation>
    </message>
    <message>
      <source>E&amp;xport…</source>
      <translation>E&amp;xporter…</translation>
    </message>
    <message>
      <source>Open another…</source>
      <translation>Ouvrir autre chose…</translation>
    </message>
    <message>
      <source>Before and after</source>
      <translation>Avant et après</translation>
    </message>
    <message>
      <source>Before and after calibration</source>
      <translation>Avant et après l’étalonnage</translation>
    </message>
    <message>
      <source>Low</source>
      <translation>Faible</translation>
    </message>
    <message>
      <source>Unclear</source>
      <translation>Incertain</translation>
    </message>
    <message>
      <source>Elevated</source>
      <translation>Élevé</translation>
    </message>
    <message>
      <source>✓ accepted</source>
      <translation>✓ accepté</translation>
    </message>
    <message>
      <source>↔ corrected</source>
      <translation>↔ corrigé</translation>
    </message>
    <message>
      <source>✗ rejected</source>
      <translation>✗ rejeté</translation>
    </message>
    <message>
      <source>+ added</source>
      <translation>+ ajouté</translation>
    </message>
    <message>
      <source>face</source>
      <translation>visage</translation>
    </message>
    <message>
      <source>body</source>
      <translation>corps</translation>
    </message>
    <message>
      <source>voice</source>
      <translation>voix</translation>
    </message>
    <message>
      <source>language</source>
      <translation>langage</translation>
    </message>
    <message>
      <source>discord</source>
      <translation>discordance</translation>
    </message>
    <message>
      <source>there</source>
      <translation>là</translation>
    </message>
    <message>
      <source>late</source>
      <translation>en retard</translation>
    </message>
    <message>
      <source>absent</source>
      <translation>absent</translation>
    </message>
    <message>
      <source>Solid: with the calibration of {name}. Long dashes: without it. Elevated in {after:.0%} of the time instead of {before:.0%}; another word (low, unclear, elevated) in {other:.0%}.</source>
      <translation>Trait plein : avec l’étalonnage de {name}. Longs tirets : sans. Élevé pendant {after:.0%} du temps au lieu de {before:.0%} ; un autre mot (faible, incertain, élevé) pendant {other:.0%}.</translation>
    </message>
  </context>
  <context>
    <name>RowModel</name>
    <message>
      <source>probability</source>
      <translation>probabilité</translation>
    </message>
    <message>
      <source>80 % from</source>
      <translation>80 % de</translation>
    </message>
    <message>
      <source>80 % to</source>
      <translation>80 % à</translation>
    </message>
    <message>
      <source>in words</source>
      <translation>en mots</translation>
    </message>
    <message>
      <source>state</source>
      <translation>état</translation>
    </message>
    <message>
      <source>time</source>
      <translation>temps</translation>
    </message>
    <message>
      <source>settled</source>
      <translation>définitif</translation>
    </message>
    <message>
      <source>provisional</source>
      <translation>provisoire</translation>
    </message>
    <message>
      <source>present</source>
      <translation>présent</translation>
    </message>
  </context>
  <context>
    <name>Screens</name>
    <message>
      <source>Devices</source>
      <translation>Appareils</translation>
    </message>
    <message>
      <source>Set-up</source>
      <translation>Préparation</translation>
    </message>
    <message>
      <source>Calibration</source>
      <translation>Étalonnage</translation>
    </message>
    <message>
      <source>Live</source>
      <translation>Direct</translation>
    </message>
    <message>
      <source>Review</source>
      <translation>Revue</translation>
    </message>
    <message>
      <source>Sessions</source>
      <translation>Séances</translation>
    </message>
  </context>
  <context>
    <name>SessionsScreen</name>
    <message>
      <source>not closed</source>
      <translation>non terminée</translation>
    </message>
    <message>
      <source>closed</source>
      <translation>terminée</translation>
    </message>
    <message>
      <source>repaired</source>
      <translation>réparée</translation>
    </message>
    <message>
      <source>analysis of a clip</source>
      <translation>analyse d’un clip</translation>
    </message>
    <message>
      <source>half erased</source>
      <translation>à moitié effacée</translation>
    </message>
    <message>
      <source>damaged</source>
      <translation>endommagée</translation>
    </message>
    <message>
      <source>erase</source>
      <translation>effacer</translation>
    </message>
    <message>
      <source>In {folder}</source>
      <translation>Dans {folder}</translation>
    </message>
    <message>
      <source>Erase what is past its &amp;date ({count})…</source>
      <translation>Effacer ce qui a passé sa &amp;date ({count})…</translation>
    </message>
    <message>
      <source>Reading {name}…</source>
      <translation>Lecture de {name}…</translation>
    </message>
    <message>
      <source>Reading all sessions…</source>
      <translation>Lecture de toutes les séances…</translation>
    </message>
    <message>
      <source>Erase “{name}” for good?</source>
      <translation>Effacer définitivement « {name} » ?</translation>
    </message>
    <message>
      <source>The key, picture, sound, words and estimates go; only a note that something was erased stays. Copies and exports elsewhere are not reached.</source>
      <translation>La clé, l’image, le son, les mots et les estimations disparaissent ; seule reste la mention d’un effacement. Les copies et exportations ailleurs ne sont pas atteintes.</translation>
    </message>
    <message>
      <source>&amp;Erase for good</source>
      <translation>Effacer &amp;définitivement</translation>
    </message>
    <message>
      <source>Erase the profile of the person, too</source>
      <translation>Effacer aussi le profil de la personne</translation>
    </message>
    <message>
      <source>Erase {count} sessions that are past their date?</source>
      <translation>Effacer {count} séances qui ont passé leur date ?</translation>
    </message>
    <message>
      <source>whole, every byte was authenticated</source>
      <translation>intacte, chaque octet a été authentifié</translation>
    </message>
    <message>
      <source>whole as far as it can be read; it is not encrypted</source>
      <translation>intacte autant qu’on peut la lire ; elle n’est pas chiffrée</translation>
    </message>
    <message>
      <source>DAMAGED</source>
      <translation>ENDOMMAGÉ</translation>
    </message>
    <message>
      <source>whole</source>
      <translation>intact</translation>
    </message>
    <message>
      <source>Audit log, {count} lines: {state}</source>
      <translation>Journal d’audit, {count} lignes : {state}</translation>
    </message>
    <message>
      <source>Erased: {name}.</source>
      <translation>Effacé : {name}.</translation>
    </message>
    <message>
      <source>The profile {name} was erased, too.</source>
      <translation>Le profil {name} a été effacé aussi.</translation>
    </message>
    <message>
      <source>Noted; {name} was changed accordingly.</source>
      <translation>C’est noté ; {name} a été modifiée en conséquence.</translation>
    </message>
    <message>
      <source>Session</source>
      <translation>Séance</translation>
    </message>
    <message>
      <source>State</source>
      <translation>État</translation>
    </message>
    <message>
      <source>Person</source>
      <translation>Personne</translation>
    </message>
    <message>
      <source>Agreed to</source>
      <translation>Accepté</translation>
    </message>
    <message>
      <source>Kept until</source>
      <translation>Conservée jusqu’au</translation>
    </message>
    <message>
      <source>Size</source>
      <translation>Taille</translation>
    </message>
    <message>
      <source>Stored sessions</source>
      <translation>Séances conservées</translation>
    </message>
    <message>
      <source>What was fo&amp;und</source>
      <translation>Ré&amp;sultat</translation>
    </message>
    <message>
      <source>What was found</source>
      <translation>Résultat</translation>
    </message>
    <message>
      <source>&amp;Open in review</source>
      <translation>&amp;Ouvrir en revue</translation>
    </message>
    <message>
      <source>Verif&amp;y</source>
      <translation>&amp;Vérifier</translation>
    </message>
    <message>
      <source>Verify &amp;all and the log</source>
      <translation>&amp;Tout vérifier, avec le journal</translation>
    </message>
    <message>
      <source>Take &amp;back consent…</source>
      <translation>&amp;Retirer un consentement…</translation>
    </message>
    <message>
      <source>&amp;Erase…</source>
      <translation>Effa&amp;cer…</translation>
    </message>
    <message>
      <source>&amp;Look again</source>
      <translation>Act&amp;ualiser</translation>
    </message>
    <message>
      <source>being recorded</source>
      <translation>en cours d’enregistrement</translation>
    </message>
    <message>
      <source>not encrypted</source>
      <translation>non chiffrée</translation>
    </message>
    <message>
      <source>no record</source>
      <translation>pas de trace</translation>
    </message>
    <message>
      <source>sealed</source>
      <translation>scellé</translation>
    </message>
    <message>
      <source>no date</source>
      <translation>sans date</translation>
    </message>
    <message>
      <source>recording</source>
      <translation>enregistrement</translation>
    </message>
    <message>
      <source>analysis</source>
      <translation>analyse</translation>
    </message>
    <message>
      <source>adaptation</source>
      <translation>adaptation</translation>
    </message>
    <message>
      <source>research</source>
      <translation>recherche</translation>
    </message>
    <message>
      <source>Recording: the whole session is erased</source>
      <translation>Enregistrement : toute la séance est effacée</translation>
    </message>
    <message>
      <source>Analysis: estimates, words and cues are erased; picture and sound stay</source>
      <translation>Analyse : estimations, mots et indices sont effacés ; l’image et le son restent</translation>
    </message>
    <message>
      <source>Adaptation: the profile of the person is erased</source>
      <translation>Adaptation : le profil de la personne est effacé</translation>
    </message>
    <message>
      <source>Research: it is noted that it may not be used again</source>
      <translation>Recherche : il est noté que rien ne peut être réutilisé</translation>
    </message>
    <message>
      <source>Type {word} to confirm</source>
      <translation>Tapez {word} pour confirmer</translation>
    </message>
    <message>
      <source>&amp;Keep everything</source>
      <translation>Tout &amp;garder</translation>
    </message>
    <message>
      <source>Take back consent</source>
      <translation>Retirer un consentement</translation>
    </message>
    <message>
      <source>Tick what the person takes back. It cannot be undone, and copies that were exported are not reached.</source>
      <translation>Cochez ce que la personne retire. C’est irréversible, et les copies exportées ne sont pas atteintes.</translation>
    </message>
    <message>
      <source>&amp;Take back and erase</source>
      <translation>&amp;Retirer et effacer</translation>
    </message>
  </context>
  <context>
    <name>SetupScreen</name>
    <message>
      <source>Kind of prompt {number}</source>
      <translation>Type de la consigne {number}</translation>
    </message>
    <message>
      <source>Prompt</source>
      <translation>Consigne</translation>
    </message>
    <message>
      <source>Kind</source>
      <translation>Type</translation>
    </message>
    <message>
      <source>Prompts, in the order in which they are asked</source>
      <translation>Consignes, dans l’ordre où elles sont données</translation>
    </message>
    <message>
      <source>Set-up of the session</source>
      <translation>Préparation de la séance</translation>
    </message>
    <message>
      <source>Prompts</source>
      <translation>Consignes</translation>
    </message>
    <message>
      <source>What the person is asked, in order. The kind sets how likely signs are before anything is seen or heard; leave it at “no kind” where you are not sure.</source>
      <translation>Ce qui est demandé à la personne, dans l’ordre. Le type fixe la probabilité des signes avant que quoi que ce soit soit vu ou entendu ; laissez « sans type » en cas de doute.</translation>
    </message>
    <message>
      <source>While recording</source>
      <translation>Pendant l’enregistrement</translation>
    </message>
    <message>
      <source>&amp;Quiet mode: show no estimate until the session is over</source>
      <translation>&amp;Mode discret : ne montrer aucune estimation avant la fin de la séance</translation>
    </message>
    <message>
      <source>Quiet mode: show no estimate until the session is over</source>
      <translation>Mode discret : ne montrer aucune estimation avant la fin de la séance</translation>
    </message>
    <message>
      <source>Consent</source>
      <translation>Consentement</translation>
    </message>
    <message>
      <source>Let the person read this text, or read it to them, and tick what they agree to. Without a yes nothing is recorded. They may stop at any time, and what was recorded can then be deleted.</source>
      <translation>Faites lire ce texte à la personne, ou lisez-le-lui, et cochez ce qu’elle accepte. Sans un oui, rien n’est enregistré. Elle peut arrêter à tout moment, et ce qui a été enregistré peut alors être supprimé.</translation>
    </message>
    <message>
      <source>&amp;Name</source>
      <translation>N&amp;om</translation>
    </message>
    <message>
      <source>F&amp;older</source>
      <translation>Do&amp;ssier</translation>
    </message>
    <message>
      <source>&amp;Person</source>
      <translation>Perso&amp;nne</translation>
    </message>
    <message>
      <source>Name of the session, a pseudonym</source>
      <translation>Nom de la séance, un pseudonyme</translation>
    </message>
    <message>
      <source>for example P07-2</source>
      <translation>par exemple P07-2</translation>
    </message>
    <message>
      <source>Folder in which sessions are made</source>
      <translation>Dossier où les séances sont créées</translation>
    </message>
    <message>
      <source>Person whose calibration is used, a pseudonym</source>
      <translation>Personne dont l’étalonnage est utilisé, un pseudonyme</translation>
    </message>
    <message>
      <source>for example P07; empty: no calibration is used</source>
      <translation>par exemple P07 ; vide : aucun étalonnage n’est utilisé</translation>
    </message>
    <message>
      <source>&amp;Choose…</source>
      <translation>&amp;Choisir…</translation>
    </message>
    <message>
      <source>Cali&amp;brate…</source>
      <translation>Éta&amp;lonner…</translation>
    </message>
    <message>
      <source>Go on to &amp;live</source>
      <translation>Passer a&amp;u direct</translation>
    </message>
    <message>
      <source>&amp;Add</source>
      <translation>&amp;Ajouter</translation>
    </message>
    <message>
      <source>&amp;Remove</source>
      <translation>&amp;Retirer</translation>
    </message>
    <message>
      <source>Move &amp;up</source>
      <translation>Mon&amp;ter</translation>
    </message>
    <message>
      <source>Move &amp;down</source>
      <translation>&amp;Descendre</translation>
    </message>
    <message>
      <source>&amp;Import…</source>
      <translation>&amp;Importer…</translation>
    </message>
    <message>
      <source>&amp;Export…</source>
      <translation>E&amp;xporter…</translation>
    </message>
    <message>
      <source>A pseudonym or a number, not the person's name: it becomes part of file names.</source>
      <translation>Un pseudonyme ou un numéro, pas le nom de la personne : il entre dans les noms de fichiers.</translation>
    </message>
    <message>
      <source>Not usable: take up to 64 letters, digits, spaces, points, - or _, and start with a letter or digit.</source>
      <translation>Inutilisable : prenez au plus 64 lettres, chiffres, espaces, points, - ou _, en commençant par une lettre ou un chiffre.</translation>
    </message>
    <message>
      <source>The same pseudonym each time this person comes: what calibration learned about them is kept under it.</source>
      <translation>Le même pseudonyme à chaque venue de cette personne : ce que l’étalonnage a appris d’elle est gardé sous ce nom.</translation>
    </message>
    <message>
      <source>Not usable: take up to 64 letters a to z, digits, points, - or _, and start with a letter or digit.</source>
      <translation>Inutilisable : prenez jusqu’à 64 lettres de a à z, chiffres, points, - ou _, en commençant par une lettre ou un chiffre.</translation>
    </message>
    <message>
      <source>Each session is stored in a folder of its own within:</source>
      <translation>Chaque séance est conservée dans un dossier à elle, dans :</translation>
    </message>
    <message>
      <source>Nothing of it leaves this machine.</source>
      <translation>Rien de tout cela ne sort de cet ordinateur.</translation>
    </message>
    <message>
      <source>{free:.0f} GB free: about {hours:.0f} hours of recording.</source>
      <translation>{free:.0f} Go libres : environ {hours:.0f} heures d’enregistrement.</translation>
    </message>
    <message>
      <source>Only {free:.1f} GB free: about {hours:.1f} hours of recording.</source>
      <translation>Seulement {free:.1f} Go libres : environ {hours:.1f} heures d’enregistrement.</translation>
    </message>
    <message>
      <source>Import prompts</source>
      <translation>Importer des consignes</translation>
    </message>
    <message>
      <source>{n} prompts read from {file}.</source>
      <translation>{n} consignes lues dans {file}.</translation>
    </message>
    <message>
      <source>Export prompts</source>
      <translation>Exporter les consignes</translation>
    </message>
    <message>
      <source>{n} prompts written to {file}.</source>
      <translation>{n} consignes écrites dans {file}.</translation>
    </message>
  </context>
  <context>
    <name>Stages</name>
    <message>
      <source>Face cues are absent from now on; everything else goes on.</source>
      <translation>Les indices du visage sont désormais absents ; tout le reste continue.</translation>
    </message>
    <message>
      <source>Body cues are absent from now on; everything else goes on.</source>
      <translation>Les indices du corps sont désormais absents ; tout le reste continue.</translation>
    </message>
    <message>
      <source>Voice cues are absent from now on; everything else goes on.</source>
      <translation>Les indices de la voix sont désormais absents ; tout le reste continue.</translation>
    </message>
    <message>
      <source>No new words come from now on; everything else goes on.</source>
      <translation>Aucun nouveau mot ne viendra désormais ; tout le reste continue.</translation>
    </message>
    <message>
      <source>There are no new estimates; video, sound and words are still recorded.</source>
      <translation>Il n’y a plus de nouvelles estimations ; la vidéo, le son et les mots sont toujours enregistrés.</translation>
    </message>
    <message>
      <source>The video is not stored from now on; everything else goes on.</source>
      <translation>La vidéo n’est plus enregistrée ; tout le reste continue.</translation>
    </message>
    <message>
      <source>The sound is not stored from now on; everything else goes on.</source>
      <translation>Le son n’est plus enregistré ; tout le reste continue.</translation>
    </message>
    <message>
      <source>Estimates are not stored from now on; everything else goes on.</source>
      <translation>Les estimations ne sont plus enregistrées ; tout le reste continue.</translation>
    </message>
    <message>
      <source>The waveform stands still; everything else goes on.</source>
      <translation>La forme d’onde est figée ; tout le reste continue.</translation>
    </message>
    <message>
      <source>There are no pictures from now on; sound and words go on.</source>
      <translation>Il n’y a plus d’images ; le son et les mots continuent.</translation>
    </message>
    <message>
      <source>There is no sound from now on; pictures go on.</source>
      <translation>Il n’y a plus de son ; les images continuent.</translation>
    </message>
    <message>
      <source>The other stages go on.</source>
      <translation>Les autres étages continuent.</translation>
    </message>
  </context>
  <context>
    <name>TrackTable</name>
    <message>
      <source>Data table</source>
      <translation>Tableau de données</translation>
    </message>
    <message>
      <source>Rows of the session; Enter goes to the moment of a row</source>
      <translation>Lignes de la séance ; Entrée va au moment d’une ligne</translation>
    </message>
    <message>
      <source>Signs consistent with ambivalence/hesitancy, model estimate.</source>
      <translation>Signes compatibles avec l’ambivalence ou l’hésitation, estimation du modèle.</translation>
    </message>
    <message>
      <source>Quiet mode: estimates are hidden while recording.</source>
      <translation>Mode discret : les estimations sont masquées pendant l’enregistrement.</translation>
    </message>
    <message>
      <source>Signs consistent with ambivalence/hesitancy, model estimate. Channels: log-odds added.</source>
      <translation>Signes compatibles avec l’ambivalence ou l’hésitation, estimation du modèle. Canaux : log-cotes ajoutées.</translation>
    </message>
  </context>
  <context>
    <name>Tracks</name>
    <message>
      <source>face</source>
      <translation>visage</translation>
    </message>
    <message>
      <source>body</source>
      <translation>corps</translation>
    </message>
    <message>
      <source>voice</source>
      <translation>voix</translation>
    </message>
    <message>
      <source>language</source>
      <translation>langage</translation>
    </message>
    <message>
      <source>discord</source>
      <translation>discordance</translation>
    </message>
    <message>
      <source>A/H probability</source>
      <translation>Probabilité A/H</translation>
    </message>
    <message>
      <source>model's segments</source>
      <translation>segments du modèle</translation>
    </message>
    <message>
      <source>sound</source>
      <translation>son</translation>
    </message>
    <message>
      <source>words</source>
      <translation>mots</translation>
    </message>
    <message>
      <source>human segments</source>
      <translation>segments humains</translation>
    </message>
    <message>
      <source>events</source>
      <translation>événements</translation>
    </message>
    <message>
      <source>minutes:seconds</source>
      <translation>minutes:secondes</translation>
    </message>
    <message>
      <source>Prompt</source>
      <translation>Consigne</translation>
    </message>
    <message>
      <source>Marker</source>
      <translation>Repère</translation>
    </message>
    <message>
      <source>Lost</source>
      <translation>Perdu</translation>
    </message>
    <message>
      <source>Back</source>
      <translation>De retour</translation>
    </message>
    <message>
      <source>Stopped</source>
      <translation>Arrêté</translation>
    </message>
    <message>
      <source>Trigger</source>
      <translation>Déclencheur</translation>
    </message>
    <message>
      <source>Quiet mode: estimates are hidden while recording</source>
      <translation>Mode discret : les estimations sont masquées pendant l’enregistrement</translation>
    </message>
    <message>
      <source>zoom in to read the words</source>
      <translation>zoomer pour lire les mots</translation>
    </message>
  </context>
  <context>
    <name>TracksView</name>
    <message>
      <source>Time in view</source>
      <translation>Temps affiché</translation>
    </message>
    <message>
      <source>Tracks</source>
      <translation>Pistes</translation>
    </message>
    <message>
      <source>At %1: nothing is known.</source>
      <translation>À %1 : rien n’est connu.</translation>
    </message>
    <message>
      <source>At %1</source>
      <translation>À %1</translation>
    </message>
    <message>
      <source>estimates are hidden while recording</source>
      <translation>les estimations sont masquées pendant l’enregistrement</translation>
    </message>
    <message>
      <source>last word: %1</source>
      <translation>dernier mot : %1</translation>
    </message>
    <message>
      <source>low</source>
      <translation>faible</translation>
    </message>
    <message>
      <source>unclear</source>
      <translation>incertain</translation>
    </message>
    <message>
      <source>elevated</source>
      <translation>élevé</translation>
    </message>
    <message>
      <source>signs consistent with ambivalence/hesitancy, model estimate: %1</source>
      <translation>signes compatibles avec l’ambivalence ou l’hésitation, estimation du modèle : %1</translation>
    </message>
    <message>
      <source>probability %1, 80 % band %2 to %3</source>
      <translation>probabilité %1, bande à 80 % de %2 à %3</translation>
    </message>
    <message>
      <source>in hindsight %1</source>
      <translation>rétrospectivement %1</translation>
    </message>
    <message>
      <source>provisional</source>
      <translation>provisoire</translation>
    </message>
    <message>
      <source>contributions in log-odds: %1</source>
      <translation>contributions en log-cotes : %1</translation>
    </message>
    <message>
      <source>present</source>
      <translation>présent</translation>
    </message>
    <message>
      <source>stale</source>
      <translation>périmé</translation>
    </message>
    <message>
      <source>absent</source>
      <translation>absent</translation>
    </message>
  </context>
  <context>
    <name>Transcript</name>
    <message>
      <source>Transcript</source>
      <translation>Transcription</translation>
    </message>
    <message>
      <source>No words were heard.</source>
      <translation>Aucun mot n’a été entendu.</translation>
    </message>
    <message>
      <source>Marker: {names}</source>
      <translation>Marque : {names}</translation>
    </message>
  </context>
  <context>
    <name>VideoView</name>
    <message>
      <source>Video</source>
      <translation>Vidéo</translation>
    </message>
    <message>
      <source>No picture</source>
      <translation>Pas d’image</translation>
    </message>
    <message>
      <source>Live picture</source>
      <translation>Image en direct</translation>
    </message>
  </context>
  <context>
    <name>_Canvas</name>
    <message>
      <source>Tracks over time. Arrow keys move the cursor by a row, with Shift by a second; Page Up and Down go to segments, W and Shift+W to words; plus and minus zoom, 0 shows all; T opens the data table.</source>
      <translation>Pistes dans le temps. Les flèches déplacent le curseur d’une ligne, avec Maj d’une seconde ; Page préc. et suiv. vont aux segments, W et Maj+W aux mots ; plus et moins zooment, 0 montre tout ; T ouvre le tableau de données.</translation>
    </message>
    <message>
      <source>thin: in hindsight</source>
      <translation>fin : rétrospectif</translation>
    </message>
    <message>
      <source>dashed: provisional</source>
      <translation>tirets : provisoire</translation>
    </message>
    <message>
      <source>model estimate</source>
      <translation>estimation du modèle</translation>
    </message>
    <message>
      <source>shaded: 80 % band</source>
      <translation>ombré : bande à 80 %</translation>
    </message>
    <message>
      <source>dotted: prior</source>
      <translation>pointillé : a priori</translation>
    </message>
    <message>
      <source>long dashes: before</source>
      <translation>longs tirets : avant</translation>
    </message>
    <message>
      <source>log-odds</source>
      <translation>log-cotes</translation>
    </message>
    <message>
      <source>heard with confidence %1</source>
      <translation>entendu avec la confiance %1</translation>
    </message>
  </context>
</TS>
