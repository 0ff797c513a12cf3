"""The words of the pages in both languages."""

from collections.abc import Mapping

from anonymizer.exports.language import Language, worded
from anonymizer.model.dimensions import Text

WORDS: Mapping[str, Text] = {
    "product": Text("Audience figures", "Angka audiens"),
    "skip": Text("Skip to the content", "Langsung ke isi"),
    "sign_in": Text("Sign in", "Masuk"),
    "sign_in_with": Text("Sign in with", "Masuk dengan"),
    "provider_refused": Text(
        "This sign-in was not completed. Try again, or ask an engineer for an account.",
        "Proses masuk ini tidak selesai. Coba lagi, atau mintalah akun kepada teknisi.",
    ),
    "provider_unreachable": Text(
        "The sign-in service cannot be reached. Try again later.",
        "Layanan masuk tidak dapat dihubungi. Coba lagi nanti.",
    ),
    "account": Text("Account", "Akun"),
    "account_sessions": Text("Where you are signed in", "Tempat Anda masuk"),
    "session_started": Text("Signed in (UTC)", "Masuk (UTC)"),
    "session_used": Text("Last used (UTC)", "Terakhir digunakan (UTC)"),
    "this_session": Text("this browser", "peramban ini"),
    "end_sessions": Text("End the other sessions", "Akhiri sesi lainnya"),
    "sessions_are_ended": Text("The other sessions have ended.", "Sesi lainnya telah diakhiri."),
    "change_password": Text("Change the password", "Ubah kata sandi"),
    "change_password_lead": Text(
        "All sessions and API tokens of the account end. Use at least 12 characters of any kind; "
        "passwords that are known from leaks are refused.",
        "Semua sesi dan token API akun ini akan berakhir. Gunakan sedikitnya 12 karakter apa pun; "
        "kata sandi yang pernah bocor ditolak.",
    ),
    "current_password": Text("Current password", "Kata sandi saat ini"),
    "chosen_password": Text("New password", "Kata sandi baru"),
    "again_password": Text("New password again", "Kata sandi baru sekali lagi"),
    "current_wrong": Text("The current password is wrong.", "Kata sandi saat ini salah."),
    "differ": Text(
        "The new password was not typed twice in the same way.",
        "Kedua isian kata sandi baru tidak sama.",
    ),
    "too_short": Text("Use at least 12 characters.", "Gunakan sedikitnya 12 karakter."),
    "too_long": Text("Use at most 1,024 characters.", "Gunakan paling banyak 1.024 karakter."),
    "guessable": Text(
        "This password is known from leaks or can be guessed. Choose another one.",
        "Kata sandi ini pernah bocor atau mudah ditebak. Pilih yang lain.",
    ),
    "sign_out": Text("Sign out", "Keluar"),
    "signed_in_as": Text("Signed in as", "Masuk sebagai"),
    "login": Text("Login", "Nama pengguna"),
    "password": Text("Password", "Kata sandi"),
    "wrong": Text(
        "Login or password is wrong. Ask an engineer for a new password if you have none.",
        "Nama pengguna atau kata sandi salah. Mintalah kata sandi baru kepada teknisi bila perlu.",
    ),
    "too_many": Text(
        "Too many sign-ins failed. Try again in 15 minutes.",
        "Terlalu banyak percobaan masuk yang gagal. Coba lagi dalam 15 menit.",
    ),
    "other_language": Text("Bahasa Indonesia", "English"),
    "language": Text("Language", "Bahasa"),
    "campaigns": Text("Campaigns", "Kampanye"),
    "campaign": Text("Campaign", "Kampanye"),
    "audience": Text("Audience and interests", "Audiens dan minat"),
    "interest": Text("Interest", "Minat"),
    "whole_audience": Text("Audience", "Audiens"),
    "advertiser": Text("Advertiser", "Pengiklan"),
    "advertisers": Text("advertisers", "pengiklan"),
    "find": Text("Find a campaign", "Cari kampanye"),
    "find_hint": Text("Part of its name", "Sebagian dari namanya"),
    "find_button": Text("Find", "Cari"),
    "found_none": Text(
        "No campaign has this in its name.", "Tidak ada kampanye yang namanya memuat kata ini."
    ),
    "nothing_yet": Text("No figures are published yet.", "Belum ada angka yang diterbitkan."),
    "runs": Text("Runs", "Berjalan"),
    "newest": Text("Newest figures", "Angka terbaru"),
    "more": Text("More campaigns", "Kampanye lainnya"),
    "news": Text("New since your last visit", "Baru sejak kunjungan terakhir Anda"),
    "no_news": Text(
        "Nothing new since your last visit.", "Tidak ada yang baru sejak kunjungan terakhir Anda."
    ),
    "news_released": Text("new figures", "angka baru"),
    "news_corrected": Text("corrected", "dikoreksi"),
    "news_withdrawn": Text("withdrawn", "ditarik"),
    "news_more": Text("and more", "dan lainnya"),
    "period": Text("Period", "Periode"),
    "day": Text("Days", "Hari"),
    "week": Text("Weeks", "Minggu"),
    "month": Text("Months", "Bulan"),
    "choose": Text("Show", "Tampilkan"),
    "people": Text("people", "orang"),
    "people_column": Text("People", "Jumlah orang"),
    "between": Text("between", "antara"),
    "and": Text("and", "dan"),
    "range": Text("True number", "Jumlah sebenarnya"),
    "range_rule": Text(
        "Figures are rounded. The true number of people lies in the range that is given.",
        "Angka dibulatkan. Jumlah orang yang sebenarnya berada dalam rentang yang tertera.",
    ),
    "everyone": Text("Everyone", "Semua orang"),
    "suppressed": Text("not published", "tidak ditampilkan"),
    "suppressed_rule": Text(
        "Not published means that there is no figure; it does not mean that there are no people. "
        "The nearest published figure that contains the group is under its name.",
        "Tidak ditampilkan berarti tidak ada angka, bukan berarti tidak ada orang. Di bawah "
        "namanya ada angka terdekat yang mencakup kelompok itu.",
    ),
    "nearest": Text("Nearest published", "Angka terdekat"),
    "no_nearest": Text("No wider group is published.", "Tidak ada kelompok lebih luas."),
    "trend": Text("Over time", "Dari waktu ke waktu"),
    "trend_note": Text(
        "The line connects figures of successive periods; the band is the range of the true "
        "number. A gap: not published.",
        "Garis menghubungkan angka periode yang berurutan; pita adalah rentang jumlah sebenarnya. "
        "Celah: tidak ditampilkan.",
    ),
    "trend_alone": Text(
        "There is one period so far; a trend needs two.",
        "Baru ada satu periode; tren memerlukan dua.",
    ),
    "trend_suppressed": Text(
        "None of the last periods has a published figure of everyone.",
        "Tidak satu pun periode terakhir memiliki angka semua orang yang ditampilkan.",
    ),
    "as_table": Text("As a table", "Sebagai tabel"),
    "segments": Text("Segments", "Segmen"),
    "segment": Text("Segment", "Segmen"),
    "before": Text("Previous period", "Periode sebelumnya"),
    "no_before": Text(
        "The previous period has no figures for comparison.",
        "Periode sebelumnya tidak memiliki angka untuk dibandingkan.",
    ),
    "change": Text("Change", "Perubahan"),
    "more_people": Text("more", "naik"),
    "fewer_people": Text("fewer", "turun"),
    "not_known": Text("no clear change", "tidak ada perubahan yang jelas"),
    "change_rule": Text(
        "A change is named only if the ranges of both figures do not overlap.",
        "Perubahan hanya disebut jika rentang kedua angka tidak beririsan.",
    ),
    "index": Text("Index", "Indeks"),
    "index_rule": Text(
        "Index: the share of the segment here against its share in the audience of the month. "
        "100 is the same share.",
        "Indeks: bagian segmen di sini dibandingkan bagiannya dalam audiens bulan itu. "
        "100 berarti sama besar.",
    ),
    "compare": Text("Compare with", "Bandingkan dengan"),
    "compare_none": Text("no other campaign", "tidak ada kampanye lain"),
    "compare_missing": Text(
        "The other campaign has no figures in this period.",
        "Kampanye lain itu tidak memiliki angka pada periode ini.",
    ),
    "larger": Text("more than here", "lebih banyak daripada di sini"),
    "smaller": Text("fewer than here", "lebih sedikit daripada di sini"),
    "no_difference": Text("no clear difference", "tidak ada perbedaan yang jelas"),
    "ages": Text("Age and gender", "Usia dan jenis kelamin"),
    "age": Text("Age", "Usia"),
    "men": Text("Men", "Pria"),
    "women": Text("Women", "Wanita"),
    "all_genders": Text("All genders", "Semua jenis kelamin"),
    "ages_note": Text(
        "The thin line on a column is the range of the true number. No column: not published.",
        "Garis tipis pada kolom adalah rentang jumlah sebenarnya. Tanpa kolom: tidak ditampilkan.",
    ),
    "no_ages": Text(
        "No figure by age is published for this period.",
        "Tidak ada angka menurut usia yang diterbitkan untuk periode ini.",
    ),
    "regions": Text("Regions", "Wilayah"),
    "region": Text("Region", "Wilayah"),
    "provinces": Text("Provinces", "Provinsi"),
    "regencies": Text("Regencies and cities", "Kabupaten dan kota"),
    "areas": Text("Groups of regions", "Gabungan wilayah"),
    "countries": Text("Country", "Negara"),
    "province_map": Text(
        "Map of provinces; the table has the same figures",
        "Peta provinsi; tabel memuat angka yang sama",
    ),
    "map_note": Text(
        "The number of people of a province gives its shade. Hatched: not published, which does "
        "not mean zero. Boundaries are simplified.",
        "Jumlah orang di suatu provinsi menentukan warnanya. Garis-garis: tidak ditampilkan, "
        "yang tidak berarti nol. Batas wilayah disederhanakan.",
    ),
    "suppressed_provinces": Text("Provinces not published", "Provinsi yang tidak ditampilkan"),
    "undrawn_provinces": Text("Not on the map", "Tidak ada di peta"),
    "no_regions": Text(
        "No figure by region is published for this period.",
        "Tidak ada angka menurut wilayah yang diterbitkan untuk periode ini.",
    ),
    "statements": Text("In sentences", "Dalam kalimat"),
    "downloads": Text("Download", "Unduh"),
    "download_range": Text("Several periods in one ZIP file", "Beberapa periode dalam satu ZIP"),
    "range_from": Text("From", "Dari"),
    "range_to": Text("To", "Sampai"),
    "whole_advertiser": Text("all campaigns of the advertiser", "semua kampanye pengiklan ini"),
    "this_campaign": Text("this subject alone", "hanya subjek ini"),
    "content": Text("Content", "Isi"),
    "download_zip": Text("Download ZIP", "Unduh ZIP"),
    "no_files": Text("There are no files of this period.", "Tidak ada berkas untuk periode ini."),
    "xlsx_english": Text("Excel, English", "Excel, bahasa Inggris"),
    "xlsx_indonesian": Text("Excel, Indonesian", "Excel, bahasa Indonesia"),
    "csv": Text("CSV", "CSV"),
    "parquet": Text("Parquet", "Parquet"),
    "certificate": Text("Certificate", "Sertifikat"),
    "certificate_link": Text(
        "What is promised, and how to check the files",
        "Apa yang dijanjikan, dan cara memeriksa berkas",
    ),
    "corrected_here": Text(
        "These figures correct an earlier edition of this period. Use no file of the earlier "
        "edition. Reason:",
        "Angka ini mengoreksi edisi sebelumnya dari periode ini. Jangan gunakan berkas edisi "
        "sebelumnya. Alasan:",
    ),
    "withdrawn_here": Text(
        "Figures of this period were withdrawn. Do not use them, and delete copies. Reason:",
        "Angka periode ini ditarik. Jangan gunakan, dan hapus salinannya. Alasan:",
    ),
    "retired_here": Text(
        "The files of this period were retired; its figures stay in force. Reason:",
        "Berkas periode ini tidak disediakan lagi; angkanya tetap berlaku. Alasan:",
    ),
    "retired_range": Text(
        "A ZIP file leaves out periods whose files were retired.",
        "Berkas ZIP tidak memuat periode yang berkasnya tidak disediakan lagi.",
    ),
    "promised": Text("What is promised", "Apa yang dijanjikan"),
    "not_promised": Text("What is not promised", "Apa yang tidak dijanjikan"),
    "seal_key": Text("Fingerprint of the key", "Sidik jari kunci"),
    "provider": Text("Published by", "Diterbitkan oleh"),
    "release": Text("Release", "Terbitan"),
    "how_to_check": Text("How to check", "Cara memeriksa"),
    "check_download": Text(
        "Download the files and the certificate into one folder.",
        "Unduh berkas dan sertifikat ke dalam satu folder.",
    ),
    "check_run": Text("Run, with the name of the file:", "Jalankan, dengan nama berkasnya:"),
    "check_compare": Text(
        "Compare the fingerprint above with the one that the provider gave you through another "
        "channel.",
        "Bandingkan sidik jari di atas dengan yang diberikan penerbit melalui jalan lain.",
    ),
    "files": Text("Files", "Berkas"),
    "digest": Text("SHA-256", "SHA-256"),
    "english_text": Text(
        "The text of the certificate is in English, as it is sealed.",
        "Teks sertifikat dalam bahasa Inggris, sebagaimana disegel.",
    ),
    "check_segment": Text("Check a segment", "Periksa segmen"),
    "check_segment_lead": Text(
        "Compose a segment and see whether it is likely to be published. The answer comes from "
        "released figures alone.",
        "Susun sebuah segmen dan lihat apakah kemungkinan akan ditampilkan. Jawabannya hanya "
        "berdasarkan angka yang sudah diterbitkan.",
    ),
    "subject": Text("Campaign or audience", "Kampanye atau audiens"),
    "gender": Text("Gender", "Jenis kelamin"),
    "every": Text("Length of the period", "Panjang periode"),
    "all_ages": Text("No choice: all ages.", "Tanpa pilihan: semua usia."),
    "all_regions": Text("No choice: all regions.", "Tanpa pilihan: semua wilayah."),
    "several": Text(
        "Hold Ctrl (on a Mac: Command) to choose several.",
        "Tahan Ctrl (di Mac: Command) untuk memilih beberapa.",
    ),
    "likely": Text("Likely to be published", "Kemungkinan besar akan ditampilkan"),
    "uncertain": Text("May be published or not", "Mungkin ditampilkan, mungkin tidak"),
    "unlikely": Text("Unlikely to be published", "Kemungkinan besar tidak ditampilkan"),
    "no_segment": Text(
        "Tables have no such segment: they have one age group and one region at a time.",
        "Tabel tidak memiliki segmen seperti ini: setiap segmen memiliki satu kelompok usia dan "
        "satu wilayah.",
    ),
    "no_history": Text(
        "No period of this length is released yet.", "Belum ada periode sepanjang ini yang terbit."
    ),
    "published_in": Text("Published in", "Ditampilkan pada"),
    "of_last": Text("of the last", "dari"),
    "periods": Text("periods", "periode terakhir"),
    "instead": Text("Nearest segment that is published", "Segmen terdekat yang ditampilkan"),
    "outlook_rule": Text(
        "This is what happened before, not a promise: people come and go, and a segment can be "
        "suppressed for reasons that are never disclosed.",
        "Ini adalah apa yang terjadi sebelumnya, bukan janji: orang datang dan pergi, dan sebuah "
        "segmen dapat tidak ditampilkan dengan alasan yang tidak pernah diungkapkan.",
    ),
    "check": Text("Check", "Periksa"),
    "request_segment": Text("Request this segment", "Ajukan segmen ini"),
    "request_rule": Text(
        "Tables do not have this segment. You can request it: a privacy officer decides whether "
        "the tables of later periods have it.",
        "Tabel tidak memuat segmen ini. Anda dapat mengajukannya: petugas privasi memutuskan "
        "apakah tabel periode berikutnya memuatnya.",
    ),
    "segment_requests": Text("Requested segments", "Segmen yang diajukan"),
    "segment_requests_lead": Text(
        "Segments that you or readers of the same advertisers requested, and what was decided. An "
        "approved segment is in the tables of later periods; whether it has a figure there "
        "depends on the people of the period.",
        "Segmen yang diajukan oleh Anda atau pembaca pengiklan yang sama, beserta keputusannya. "
        "Segmen yang disetujui ada di tabel periode berikutnya; ada tidaknya angkanya bergantung "
        "pada orang-orang dalam periode itu.",
    ),
    "no_requests": Text("No segment was requested.", "Belum ada segmen yang diajukan."),
    "unreadable_requests": Text(
        "Some requests cannot be read. Ask an engineer to look at them.",
        "Sebagian pengajuan tidak dapat dibaca. Mintalah teknisi memeriksanya.",
    ),
    "asked_on": Text("Requested on", "Diajukan pada"),
    "asked_by": Text("Requested by", "Diajukan oleh"),
    "state": Text("State", "Status"),
    "reason": Text("Reason", "Alasan"),
    "request_waiting": Text("Waiting for a decision", "Menunggu keputusan"),
    "request_approved_once": Text(
        "Approved by one of two officers", "Disetujui oleh satu dari dua petugas"
    ),
    "request_approved": Text("Approved", "Disetujui"),
    "request_in_catalogue": Text("In the tables", "Ada di tabel"),
    "request_rejected": Text("Rejected", "Ditolak"),
    "in_periods_from": Text("for periods that begin on or after", "untuk periode mulai"),
    "too_many_segments": Text("Too many requests wait", "Terlalu banyak pengajuan menunggu"),
    "too_many_segments_text": Text(
        "A decision on your earlier requests comes first. Request more segments after that.",
        "Pengajuan Anda sebelumnya diputuskan lebih dahulu. Ajukan segmen lain setelah itu.",
    ),
    "back": Text("Back to the campaigns", "Kembali ke daftar kampanye"),
    "not_found": Text("There is nothing here", "Tidak ada apa pun di sini"),
    "not_found_text": Text(
        "The page or file does not exist, or is not for your account.",
        "Halaman atau berkas tidak ada, atau bukan untuk akun Anda.",
    ),
    "gone": Text("These figures are not in force", "Angka ini tidak berlaku"),
    "use_instead": Text(
        "The figures of this release were corrected. Use the corrected release:",
        "Angka terbitan ini telah dikoreksi. Gunakan terbitan koreksinya:",
    ),
    "retired": Text("These files were retired", "Berkas ini tidak disediakan lagi"),
    "retired_text": Text(
        "They are too old to be kept for downloads. Their figures stay in force and are on the "
        "page of the campaign. Reason:",
        "Berkas ini terlalu lama untuk disimpan sebagai unduhan. Angkanya tetap berlaku dan ada di "
        "halaman kampanye. Alasan:",
    ),
    "form_refused": Text("The form was not accepted", "Formulir tidak diterima"),
    "form_refused_text": Text(
        "It is too old, or was sent from another page. Open the page again and repeat the step.",
        "Formulir kedaluwarsa atau dikirim dari halaman lain. Buka kembali halamannya dan ulangi.",
    ),
    "too_large": Text("The ZIP file would be too large", "Berkas ZIP akan terlalu besar"),
    "too_large_text": Text(
        "It may have 256 MiB of files. Choose fewer periods.",
        "Isinya paling banyak 256 MiB. Pilih lebih sedikit periode.",
    ),
    "too_many_requests": Text("Too many requests", "Terlalu banyak permintaan"),
    "too_many_requests_text": Text(
        "Wait a few seconds and try again.", "Tunggu beberapa detik lalu coba lagi."
    ),
    "unavailable": Text("This cannot be shown now", "Ini tidak dapat ditampilkan sekarang"),
    "unavailable_text": Text(
        "The published files are not as they were recorded, or cannot be read. Tell an engineer.",
        "Berkas terbitan tidak sesuai catatan, atau tidak dapat dibaca. Beri tahu teknisi.",
    ),
    "fault": Text("Something went wrong", "Terjadi kesalahan"),
    "fault_text": Text(
        "This is a fault of the program. The log of the portal says where it happened.",
        "Ini kesalahan program. Log portal mencatat di mana terjadinya.",
    ),
}


def words_in(language: Language) -> dict[str, str]:
    """Every text of the pages in a language."""
    return {name: worded(text, language) for name, text in WORDS.items()}
