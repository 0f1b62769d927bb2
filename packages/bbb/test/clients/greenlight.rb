# The calls of a Greenlight with Ruby's own means: URI.encode_www_form, SHA-256, Net::HTTP, REXML.
# Prints what came of each as one line of JSON.
#
# ruby greenlight.rb ADDRESS SECRET

require 'digest'
require 'json'
require 'net/http'
require 'rexml/document'
require 'uri'

ADDRESS, SECRET = ARGV

def address(call, parameters)
  query = URI.encode_www_form(parameters)
  checksum = Digest::SHA256.hexdigest("#{call}#{query}#{SECRET}")
  URI("#{ADDRESS}/#{call}?#{query}#{query.empty? ? '' : '&'}checksum=#{checksum}")
end

def get(uri)
  # The gem sends a content type also with GET.
  request = Net::HTTP::Get.new(uri, 'Content-Type' => 'application/xml', 'User-Agent' => 'bigbluebutton-api-ruby')
  Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
end

def text(answer, path)
  node = REXML::XPath.first(REXML::Document.new(answer.body), "/response/#{path}")
  node && node.text
end

def tell(what, outcome)
  puts JSON.generate({ what: what }.merge(outcome))
end

room = { meetingID: 'room-xyz-äöü' }
created = get(address('create', room.merge(
  name: 'Home Room & more',
  record: 'false',
  moderatorPW: 'p w+1',
  logoutURL: 'https://gl.example.com/rooms/xyz?a=1&b=2',
  'meta_bbb-origin': 'greenlight',
  meta_endCallbackUrl: 'https://gl.example.com/meeting_ended?x=1',
  muteOnStart: 'false'
)))
tell('create', status: created.code.to_i, returncode: text(created, 'returncode'), meetingID: text(created, 'meetingID'))

joined = get(address('join', room.merge(fullName: 'Ada Ä', role: 'Moderator', createTime: text(created, 'createTime'))))
tell('join', status: joined.code.to_i, location: joined['location'])
tell('follow', status: get(URI(joined['location'])).code.to_i)
tell('running', running: text(get(address('isMeetingRunning', room)), 'running'))
tell('info', name: text(get(address('getMeetingInfo', room)), 'meetingName'))
tell('recordings', messageKey: text(get(address('getRecordings', meetingID: 'room-xyz-äöü', state: 'any')), 'messageKey'))
tell('end', messageKey: text(get(address('end', room.merge(password: 'p w+1'))), 'messageKey'))
