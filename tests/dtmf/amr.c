/* Sound through an AMR coder and back: `amr MODE` from standard input to standard output, 16 bits, 8 kHz.
   MODE is the coder's: 0 is 4.75 kbit/s, 7 is 12.2. */
#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    enum Mode mode = (enum Mode)atoi(argv[1]);
    void *encoder = Encoder_Interface_init(0), *decoder = Decoder_Interface_init();
    short frame[160];
    unsigned char coded[64];
    size_t samples;
    while ((samples = fread(frame, 2, 160, stdin)) > 0) {
        memset(frame + samples, 0, (160 - samples) * 2);
        Encoder_Interface_Encode(encoder, mode, frame, coded, 0);
        Decoder_Interface_Decode(decoder, coded, frame, 0);
        if (fwrite(frame, 2, 160, stdout) != 160) return 1;
    }
    return 0;
}
