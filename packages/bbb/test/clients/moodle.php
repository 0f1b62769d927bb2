<?php
/*
 * The calls of a Moodle with PHP's own means: http_build_query, SHA-1, cURL, SimpleXML. Prints what
 * came of each as one line of JSON.
 *
 * php moodle.php ADDRESS SECRET
 */

[, $address, $secret] = $argv;

function address(string $call, array $parameters): string
{
    global $address, $secret;
    $query = http_build_query($parameters, '', '&');
    $checksum = sha1($call . $query . $secret);
    return "{$address}/{$call}?{$query}" . ($query === '' ? '' : '&') . "checksum={$checksum}";
}

function request(string $url, ?string $body = null): array
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 60]);
    if ($body !== null) {
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => ['Content-Type: text/xml'],
        ]);
    }
    $text = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    $location = curl_getinfo($curl, CURLINFO_REDIRECT_URL);
    return [$status, $text, $location];
}

function tell(string $what, array $outcome): void
{
    echo json_encode(['what' => $what] + $outcome, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
}

$room = 'f2a-3-1';
$slides = '<?xml version="1.0" encoding="UTF-8"?><modules><module name="presentation">'
    . '<document url="https://moodle.example.com/s.pdf" filename="s.pdf"/></module></modules>';
[$status, $text] = request(address('create', [
    'meetingID' => $room,
    'name' => 'Größen & Räume ~ (1)',
    'attendeePW' => 'a b',
    'moderatorPW' => 'm+w',
    'logoutURL' => 'https://moodle.example.com/mod/bigbluebuttonbn/view.php?id=3&x=1',
    'record' => 'true',
    'meta_bbb-origin' => 'Moodle',
    'meta_bbb-context' => "L'été",
]), $slides);
$xml = simplexml_load_string($text);
tell('create', ['status' => $status, 'returncode' => (string) $xml->returncode, 'meetingID' => (string) $xml->meetingID]);

[$status, , $location] = request(address('join', ['meetingID' => $room, 'fullName' => 'Ada Ä', 'password' => 'm+w']));
tell('join', ['status' => $status, 'location' => $location]);
[$status] = request($location);
tell('follow', ['status' => $status]);

[, $text] = request(address('getMeetingInfo', ['meetingID' => $room]));
$xml = simplexml_load_string($text);
tell('info', ['name' => (string) $xml->meetingName, 'people' => (int) $xml->participantCount]);

[, $text] = request(address('getMeetings', []));
tell('meetings', ['count' => count(simplexml_load_string($text)->meetings->meeting)]);

$ids = implode(',', array_map(fn ($i) => sha1("$i") . '-1700000000000', range(1, 25)));
[, $text] = request(address('getRecordings', ['meetingID' => '', 'recordID' => $ids]));
tell('recordings', ['messageKey' => (string) simplexml_load_string($text)->messageKey]);

[, $text] = request(address('end', ['meetingID' => $room, 'password' => 'm+w']));
tell('end', ['messageKey' => (string) simplexml_load_string($text)->messageKey]);
