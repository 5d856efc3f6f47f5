@echo off
rem Gremium: maps a committee's drive. Change the three lines below; the app password is asked for and remembered.
rem Gremium: verbindet das Laufwerk eines Gremiums. Die drei Zeilen anpassen; das App-Passwort wird erfragt und behalten.
set LETTER=Z:
set ADDRESS=https://HOST/dav/ba05/
set NAME=NAME

sc query WebClient | find "RUNNING" >nul || net start WebClient || goto :service
if exist %LETTER%\ net use %LETTER% /delete /yes
net use %LETTER% %ADDRESS% /user:%NAME% * /persistent:yes || goto :refused
explorer %LETTER%
exit /b 0

:service
echo The service WebClient cannot be started. Run webclient.reg as administrator and restart Windows.
echo Der Dienst WebClient startet nicht. webclient.reg als Administrator ausfuehren und Windows neu starten.
pause
exit /b 1

:refused
echo The drive was not mapped: see the error above. 67 = address or service, 1244 = name, app password or no https.
echo Das Laufwerk wurde nicht verbunden, siehe oben. 67 = Adresse oder Dienst, 1244 = Name, App-Passwort oder kein https.
pause
exit /b 1
