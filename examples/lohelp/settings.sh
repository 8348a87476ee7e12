# LibreOffice's help, English-German: some 60,000 paragraphs of technical text, ten words each on average. To be sourced by the
# steps in examples/steps.
foreign=de
data_name="help of LibreOffice, some 60,000 paragraphs, English and German (git.libreoffice.org/help)"
data_licence="MPL-2.0"
: "${LONGEST:=120}"
: "${TEACHER_UPDATES:=6000}" "${UPDATES:=8000}"
. "$examples/steps/small_model.sh"
